//! Files: fetched from a URL, and judged by their bytes.

pub mod documents;
pub mod fetch;
pub mod media;
