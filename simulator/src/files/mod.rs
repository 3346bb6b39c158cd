//! Files: fetched from a URL, and judged by their bytes: type, structure and size, without decoding what is in them.

mod boxes;
pub mod documents;
pub mod fetch;
mod gif;
mod heic;
mod jpeg;
mod matroska;
pub mod media;
mod mp4;
mod mpeg;
mod office;
mod pdf;
mod png;
mod reader;
mod tiff;
mod webp;
