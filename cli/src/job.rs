//! Which job is meant: its kind, which names what started it, and its id.

use std::fmt;

use clap::ValueEnum;

/// What started a job. An id is valid only for jobs of its own kind.
#[derive(Clone, Copy, ValueEnum)]
pub enum JobKind {
    /// Started by `upload`.
    AssetUpload,
    /// Started by `upload-url`.
    UrlAssetUpload,
    /// Started by `import`.
    Import,
    /// Started by `import-url`.
    UrlImport,
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// All that is needed to find a job again.
pub struct JobReference {
    pub kind: JobKind,
    pub id: String,
}
