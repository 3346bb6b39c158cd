//! The content of an upload: a file, bytes, or a reader, always of a known length, and how much of it has left.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use tokio::io::AsyncRead;

use crate::boxed::BoxFuture;

mod error;
mod meter;
mod stream;
mod upload;

pub use error::BodyError;
pub(crate) use meter::Meter;
pub(crate) use upload::{BeforeEnd, Upload};

/// The content of an upload or import. `From` makes it of a path, an open file or bytes; for the rest there is:
///
/// | content | made by | sent again, where that is safe |
/// |---|---|---|
/// | what can be opened any number of times | [`from_fn`](Self::from_fn) | yes |
/// | a reader of known length | [`from_reader`](Self::from_reader) | only if nothing was read of it |
/// | a stream of known length | [`from_stream`](Self::from_stream) | only if nothing was read of it |
/// | a stream of unknown length | [`spool`](Self::spool), in a temporary file | yes |
///
/// ```
/// use canva_connect::UploadBody;
/// use std::path::Path;
///
/// let file = UploadBody::from(Path::new("photo.png")); // streamed from disk, never read into memory as a whole
/// let file = UploadBody::from("photo.png"); // the same
/// let bytes = UploadBody::from(vec![0x89, b'P', b'N', b'G']);
/// let archive = UploadBody::from_fn(4, || async { Ok(&b"data"[..]) }); // opened anew for each attempt
/// ```
///
/// Text in a program's source is a path. Text that is only known at run time could be a path or the content itself,
/// so it has to say which: a `Path` or a `PathBuf` is a file, bytes are the content. A file is never opened by mistake.
///
/// ```compile_fail
/// let text = std::env::args().collect::<String>();
/// let body = canva_connect::UploadBody::from(text.as_str()); // a path, or the content?
/// ```
pub struct UploadBody(pub(crate) Source);

pub(crate) enum Source {
    Path(PathBuf),
    File(tokio::fs::File),
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
    pub fn from_fn<F, Fut, R>(length: u64, open: F) -> Self
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

    /// Content that can be read once. Once any of it has been read, a request with it isn't retried, whatever
    /// happens; and it isn't always known in time that nothing was.
    pub fn from_reader(length: u64, reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Source::Once { length, reader: Arc::new(Mutex::new(Some(Box::pin(reader)))) })
    }

    /// The path, where there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
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
            Source::File(_) => f.write_str("UploadBody(file)"),
            Source::Bytes(bytes) => write!(f, "UploadBody({} bytes)", bytes.len()),
            Source::Reopen { length, .. } => write!(f, "UploadBody({length} bytes, reopenable)"),
            Source::Once { length, .. } => write!(f, "UploadBody({length} bytes, once)"),
        }
    }
}

macro_rules! from {
    ($($(#[$doc:meta])* $source:ty => |$value:ident| $body:expr;)*) => {$(
        impl From<$source> for UploadBody {
            $(#[$doc])*
            fn from($value: $source) -> Self {
                Self($body)
            }
        }
    )*};
}

from! {
    /// A path.
    &'static str => |path| Source::Path(path.into());
    &Path => |path| Source::Path(path.into());
    &PathBuf => |path| Source::Path(path.into());
    PathBuf => |path| Source::Path(path);
    /// The whole file from its beginning, wherever its position is; the position stays. The upload needs a name,
    /// since an open file has none. Only regular files can be read, no pipes.
    std::fs::File => |file| Source::File(file.into());
    /// The whole file from its beginning, wherever its position is, with data that is still being written to it. The
    /// upload needs a name, since an open file has none.
    tokio::fs::File => |file| Source::File(file);
    Bytes => |bytes| Source::Bytes(bytes);
    &Bytes => |bytes| Source::Bytes(bytes.clone());
    BytesMut => |bytes| Source::Bytes(bytes.freeze());
    Vec<u8> => |bytes| Source::Bytes(bytes.into());
    /// A copy of the bytes.
    &[u8] => |bytes| Source::Bytes(Bytes::copy_from_slice(bytes));
}

impl<const N: usize> From<[u8; N]> for UploadBody {
    fn from(bytes: [u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for UploadBody {
    /// A copy of the bytes.
    fn from(bytes: &[u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

/// How much of an upload has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UploadProgress {
    /// Bytes handed to the connection. The last of them may still be on the way.
    pub sent: u64,
    /// Bytes in all.
    pub total: u64,
    /// Which attempt it is, from 1. Each begins at 0 bytes again.
    pub attempt: u32,
}

pub(crate) type OnProgress = Box<dyn FnMut(UploadProgress) + Send>;
