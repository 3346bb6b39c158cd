//! Content that comes as a stream: sent as it comes if its length is known, otherwise first collected in a temporary
//! file.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio_util::io::StreamReader;

use super::BodyError;
use super::{Source, UploadBody};
use crate::boxed::BoxError;

/// How much is written to the temporary file at once.
const BLOCK: usize = 256 * 1024;

impl UploadBody {
    /// A stream of known length, such as the body of a request that has a `Content-Length`. It is sent as it comes,
    /// and can be read once: see [`from_reader`](Self::from_reader).
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::{UploadBody, reqwest};
    ///
    /// let photo = reqwest::get("https://example.com/photo.png").await?;
    /// let length = photo.content_length().ok_or("no Content-Length")?;
    /// let job = canva.upload_asset(UploadBody::from_stream(length, photo.bytes_stream())).name("Photo").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_stream<S, B, E>(length: u64, stream: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        Self::from_reader(length, StreamReader::new(Chunks(Box::pin(stream))))
    }

    /// A stream of unknown length, such as a body that a browser sends in chunks. All of it is taken in before
    /// anything is sent, into a temporary file without a name, and never into memory. The file is gone with the
    /// content, when this is dropped before its end, and when the process is killed. An upload of it can be sent again.
    ///
    /// The file is where [`std::env::temp_dir`] says, which `TMPDIR` sets on Unix; that shouldn't be a file system in
    /// memory. `max_bytes` bounds it. The caller bounds how long the stream may take.
    ///
    /// ```no_run
    /// # async fn example(canva: canva_connect::Client, chunks: canva_connect::reqwest::Response) -> Result<(), canva_connect::Error> {
    /// use canva_connect::UploadBody;
    ///
    /// // In a handler of axum: `request.into_body().into_data_stream()`.
    /// let chunks = chunks.bytes_stream();
    /// let job = canva.upload_asset(UploadBody::spool(100 << 20, chunks).await?).name("Photo").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A reader becomes a stream by `tokio_util::io::ReaderStream::new`.
    ///
    /// # Errors
    /// [`BodyError::TooLong`] as soon as more than `max_bytes` have come, [`BodyError::Read`] if the stream fails, and
    /// [`BodyError::Spool`] if the file can't be made or written, as on a full disk.
    pub async fn spool<S, B, E>(max_bytes: u64, stream: S) -> Result<Self, BodyError>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        let failed = |source| BodyError::Spool { source };
        let file = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(io::Error::other).flatten();
        let mut file = BufWriter::with_capacity(BLOCK, tokio::fs::File::from_std(file.map_err(failed)?));
        let mut chunks = pin!(Chunks(Box::pin(stream)));
        let mut length: u64 = 0;
        while let Some(chunk) = poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
            let chunk = chunk.map_err(|source| BodyError::Read { name: "upload".into(), source })?;
            length = length.saturating_add(chunk.len() as u64);
            if length > max_bytes {
                return Err(BodyError::TooLong { name: "upload".into(), max_bytes });
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(Self(Source::File(file.into_inner())))
    }
}

/// A stream as a reader takes it.
struct Chunks<S>(Pin<Box<S>>);

impl<S, B, E> Stream for Chunks<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<BoxError>,
{
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.0.as_mut().poll_next(cx));
        Poll::Ready(next.map(|chunk| chunk.map(Into::into).map_err(io::Error::other)))
    }
}
