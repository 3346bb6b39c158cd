//! Every generated type by the name that the spec gives it: the one list that the tests about types share. A component
//! that isn't in it fails `tests/schemas.rs`, which says what to add.

use canva_connect::generated::types;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A generated type, as a test can use it without knowing it.
pub struct Type {
    pub name: &'static str,
    /// Its JSON schema, with what it refers to left in the generator.
    #[allow(dead_code, reason = "not every test that shares the list needs each part")]
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Decodes a value and encodes it again.
    #[allow(dead_code, reason = "not every test that shares the list needs each part")]
    pub round_trip: fn(&Value) -> serde_json::Result<Value>,
}

macro_rules! types {
    ($($name:ident),* $(,)?) => {
        pub const ALL: &[Type] = &[$(Type {
            name: stringify!($name),
            schema: <types::$name as schemars::JsonSchema>::json_schema,
            round_trip: |value| {
                let decoded: types::$name = serde_json::from_value(value.clone())?;
                serde_json::to_value(decoded)
            },
        }),*];
    };
}

types![
    Asset,
    AssetType,
    AssetUploadError,
    AssetUploadErrorCode,
    AssetUploadJob,
    AssetUploadJobResponse,
    AssetUploadMetadata,
    CreateUrlAssetUploadJobRequest,
    DesignImportError,
    DesignImportErrorCode,
    DesignImportJob,
    DesignImportJobResponse,
    DesignImportJobResult,
    DesignImportMetadata,
    DesignLinks,
    DesignSummary,
    Error,
    ImportError,
    ImportStatus,
    JobStatus,
    TeamUserSummary,
    Thumbnail,
    UpdateAssetRequest,
    UpdateAssetResponse,
];

/// `openapi.yaml`, read.
pub fn spec() -> Value {
    serde_saphyr::from_str(canva_connect::OPENAPI_YAML).unwrap()
}
