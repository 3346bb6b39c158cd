//! What can be uploaded: a path, bytes, or a reader, always of a known length; and how far it is.

use std::ffi::OsStr;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::BoxFuture;

/// The content of an upload or import. Made from a path, from bytes, or from a reader of known length.
///
/// ```
/// use canva_connect::UploadBody;
///
/// let file = UploadBody::from("photo.png"); // a path: streamed from disk, never read into memory as a whole
/// let bytes = UploadBody::from(vec![0x89, b'P', b'N', b'G']);
/// let archive = UploadBody::reopen(4, || async { Ok(&b"data"[..]) }); // opened anew for each attempt
/// ```
pub struct UploadBody(pub(crate) Source);

pub(crate) enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    Reopen { length: u64, open: Box<dyn Fn() -> BoxFuture<'static, io::Result<AnyReader>> + Send + Sync> },
    Once { length: u64, reader: OnceReader },
}

pub(crate) type AnyReader = Pin<Box<dyn AsyncRead + Send>>;
/// Empty while an attempt has it, and from then on if that read from it.
pub(crate) type OnceReader = Arc<Mutex<Option<AnyReader>>>;

impl UploadBody {
    /// Content that can be opened any number of times, so that a request that Canva refused unread (429, 401) or that
    /// never arrived whole can be sent again. Each opening must yield the same `length` bytes.
    pub fn reopen<F, Fut, R>(length: u64, open: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<R>> + Send + 'static,
        R: AsyncRead + Send + 'static,
    {
        let open = move || -> BoxFuture<'static, io::Result<AnyReader>> {
            let opening = open();
            Box::pin(async move { Ok(Box::pin(opening.await?) as AnyReader) })
        };
        Self(Source::Reopen { length, open: Box::new(open) })
    }

    /// Content that can be read once. Once any of it has been read, a request with it isn't retried, whatever happens; and it isn't
    /// always known in time that nothing was.
    pub fn once(length: u64, reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Source::Once { length, reader: Arc::new(Mutex::new(Some(Box::pin(reader)))) })
    }

    /// The file name, where there is one.
    pub(crate) fn file_name(&self) -> Option<&OsStr> {
        self.path()?.file_name()
    }

    /// The file name without its extension, where there is one.
    pub(crate) fn file_stem(&self) -> Option<&OsStr> {
        self.path()?.file_stem()
    }

    fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Path(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Debug for UploadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Path(path) => write!(f, "UploadBody({})", path.display()),
            Source::Bytes(bytes) => write!(f, "UploadBody({} bytes)", bytes.len()),
            Source::Reopen { length, .. } => write!(f, "UploadBody({length} bytes, reopenable)"),
            Source::Once { length, .. } => write!(f, "UploadBody({length} bytes, once)"),
        }
    }
}

impl From<&str> for UploadBody {
    /// A path.
    fn from(path: &str) -> Self {
        Self(Source::Path(path.into()))
    }
}

impl From<String> for UploadBody {
    /// A path.
    fn from(path: String) -> Self {
        Self(Source::Path(path.into()))
    }
}

impl From<&Path> for UploadBody {
    fn from(path: &Path) -> Self {
        Self(Source::Path(path.to_owned()))
    }
}

impl From<PathBuf> for UploadBody {
    fn from(path: PathBuf) -> Self {
        Self(Source::Path(path))
    }
}

impl From<&PathBuf> for UploadBody {
    fn from(path: &PathBuf) -> Self {
        Self(Source::Path(path.clone()))
    }
}

impl From<Bytes> for UploadBody {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Bytes(bytes))
    }
}

impl From<Vec<u8>> for UploadBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Bytes(bytes.into()))
    }
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes handed to the connection. The last of them may still be on the way.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
    /// Which attempt it is, from 1. Each begins at 0 bytes again.
    pub attempt: u32,
}

pub(crate) type OnProgress = Box<dyn FnMut(Progress) + Send>;
