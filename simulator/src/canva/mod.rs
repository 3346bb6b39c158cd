//! What Canva has: users' access, assets, designs and jobs, the URLs that lead to them, and the count of requests.

pub mod access;
pub mod addresses;
pub mod content;
pub mod designs;
pub mod folders;
pub mod library;
pub mod outcomes;
pub mod overview;
pub mod rates;
pub mod urls;
