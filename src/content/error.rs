//! The errors of content that can't be uploaded.

use std::path::{Path, PathBuf};

use crate::boxed::BoxError;
use crate::text::shown;

/// Content that can't be uploaded as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The content can't be opened or read.
    #[error("{} can't be read", file(.name))]
    #[non_exhaustive]
    Read {
        /// The file, or what stands for one.
        name: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The content is not as long as it was said or found to be at first. Nothing was made of the part that was sent.
    #[error("{}: expected {expected} bytes, got {}; it changed while it was being uploaded, or its length was given wrong",
        file(.name), length(*.found, *.expected))]
    #[non_exhaustive]
    Length {
        /// The file, or what stands for one.
        name: PathBuf,
        /// The length it was to have.
        expected: u64,
        /// How far it went.
        found: u64,
    },
    /// The content is longer than Canva takes, or than [`UploadBody::spool`](crate::UploadBody::spool) was to take.
    /// Nothing was sent.
    #[error("{}: expected at most {max_bytes} bytes, got more", file(.name))]
    #[non_exhaustive]
    TooLong {
        /// The file, or what stands for one.
        name: PathBuf,
        /// The most that was to be taken.
        max_bytes: u64,
    },
    /// The temporary file of [`UploadBody::spool`](crate::UploadBody::spool) can't be made or written. Nothing was
    /// sent, and no file is left.
    #[error("upload: the content can't be kept in a temporary file")]
    #[non_exhaustive]
    Spool {
        /// The cause.
        source: std::io::Error,
    },
    /// The function that was to be called before the end of the content failed. Nothing was made of the part that was
    /// sent. See [`UploadAsset::before_end`](crate::UploadAsset::before_end).
    #[error("the end of the content was held back")]
    #[non_exhaustive]
    HeldBack {
        /// What the function said.
        source: BoxError,
    },
    /// The file was written to while it was being uploaded, or between two attempts. Nothing was made of the part
    /// that was sent.
    #[error("{}: it changed while it was being uploaded", file(.name))]
    #[non_exhaustive]
    Changed {
        /// The file.
        name: PathBuf,
    },
}

fn file(name: &Path) -> String {
    shown(&name.to_string_lossy())
}

/// Content that goes on is not read to its end.
fn length(found: u64, expected: u64) -> String {
    if found > expected { "more".to_owned() } else { found.to_string() }
}
