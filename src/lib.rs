#![forbid(unsafe_code)]
pub const OPENAPI_YAML: &str = include_str!("../openapi.yaml");
mod transport;
pub mod generated {
    include!("../generated/client.rs");
}
pub mod operations;
