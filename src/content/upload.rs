//! An upload on its way: its content is opened for each attempt, read ahead, and handed to the connection in frames
//! that fit its speed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::boxed::{BoxError, BoxFuture};
use crate::content::BodyError;
use crate::content::Meter;
use crate::content::{AnyReader, OnProgress, OnceReader, Source, UploadBody};
use crate::sync::{lock, unlocked};

/// How much is read from a file at once, while the block before it is being sent. docs/performance.md has what
/// smaller and larger ones cost.
const BLOCK: usize = 512 * 1024;

/// The largest frame.
const MAX_FRAME: usize = 256 * 1024;

/// The smallest frame. The connection queues up to 16 frames before it asks again, so that an upload that starts slowly
/// shows progress every 64 KiB.
const MIN_FRAME: usize = 4 * 1024;

/// A file's length and the time of its last change: if they differ, the file was written to.
type Seen = (u64, Option<SystemTime>);

fn look(file: &std::fs::File) -> io::Result<Seen> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_a_file());
    }
    Ok((metadata.len(), metadata.modified().ok()))
}

fn not_a_file() -> io::Error {
    io::Error::other("not a regular file")
}

/// Reads from a place of its own: other attempts, and clones of a caller's file, may move the file's.
#[cfg(unix)]
fn read_at(file: &std::fs::File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, from)
}

#[cfg(windows)]
fn read_at(file: &std::fs::File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, from)
}

/// The next block of a file that had this length; empty at its end.
fn read_block(file: &std::fs::File, length: u64, from: u64) -> io::Result<Vec<u8>> {
    // A byte more than is left, so that one shows that has grown.
    let left = length.saturating_sub(from).saturating_add(1);
    let mut block = vec![0; usize::try_from(left).unwrap_or(BLOCK).min(BLOCK)];
    let mut read = 0;
    while let Some(rest) = block.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, from + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    block.truncate(read);
    Ok(block)
}

/// What has to be done before the end of the content is handed over.
pub(crate) type BeforeEnd = BoxFuture<'static, Result<(), BoxError>>;

/// A body, with what one attempt learns about it for the next.
pub(crate) struct Upload {
    body: UploadBody,
    /// What errors call it.
    name: PathBuf,
    on_progress: Option<Arc<Mutex<OnProgress>>>,
    max_bytes: u64,
    /// What the file was like at the first attempt.
    first_seen: Mutex<Option<Seen>>,
}

impl Upload {
    pub(crate) fn new(body: UploadBody) -> Self {
        let name = match &body.0 {
            Source::Path(path) => path.clone(),
            _ => PathBuf::from("upload"),
        };
        Self { body, name, on_progress: None, max_bytes: u64::MAX, first_seen: Mutex::new(None) }
    }

    pub(crate) fn report_to(&mut self, on_progress: OnProgress) {
        self.on_progress = Some(Arc::new(Mutex::new(on_progress)));
    }

    /// Refuses longer content before any of it is sent.
    pub(crate) fn limit(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
    }

    /// Whether the content is there for another attempt.
    pub(crate) fn is_left(&self) -> bool {
        self.once().is_none_or(|reader| lock(reader).is_some())
    }

    fn once(&self) -> Option<&OnceReader> {
        match &self.body.0 {
            Source::Once { reader, .. } => Some(reader),
            _ => None,
        }
    }

    /// Opens the content for the `attempt`th attempt, which may take as long as the content may stand still. Its end is
    /// handed over once `before_end` has succeeded.
    pub(crate) async fn open(
        &self,
        attempt: u32,
        stall: Duration,
        before_end: Option<BeforeEnd>,
    ) -> Result<(reqwest::Body, Arc<Meter>), BodyError> {
        let late = |_| Err(self.unreadable(io::Error::new(ErrorKind::TimedOut, format!("not open after {stall:?}"))));
        tokio::time::timeout(stall, self.begin(attempt, before_end)).await.unwrap_or_else(late)
    }

    async fn begin(
        &self,
        attempt: u32,
        mut before_end: Option<BeforeEnd>,
    ) -> Result<(reqwest::Body, Arc<Meter>), BodyError> {
        let read = |source| self.unreadable(source);
        let (total, mut content) = match &self.body.0 {
            Source::Path(path) => self.open_file(path).await?,
            Source::File(file) => self.begin_file(file.try_clone().await.map_err(read)?).await?,
            Source::Bytes(bytes) => (bytes.len() as u64, Blocks::from_bytes(bytes.clone())),
            Source::Reopen { length, open } => (*length, Blocks::from_reader(Reader::any(open().await.map_err(read)?))),
            Source::Once { length, reader } => match lock(reader).take() {
                Some(reader) => (*length, Blocks::from_reader(Reader::any(reader))),
                None => return Err(read(io::Error::other("its reader was used up by an earlier attempt"))),
            },
        };
        if total > self.max_bytes {
            return Err(BodyError::TooLong { name: self.name.clone(), max_bytes: self.max_bytes });
        }
        if total == 0 {
            // An empty body is never asked for a frame, so nobody would see that there is content all the same.
            std::future::poll_fn(|cx| content.poll_block(cx, &self.name, total)).await?;
            if let Some(before_end) = before_end.take() {
                before_end.await.map_err(|source| BodyError::HeldBack { source })?;
            }
        }
        let meter = Arc::new(Meter::new(attempt, total, self.on_progress.clone()));
        let once = self.once().cloned();
        let before_end = before_end.map(Mutex::new);
        let frames = Frames { name: self.name.clone(), content, once, started: None, before_end, meter: meter.clone() };
        Ok((reqwest::Body::wrap(frames), meter))
    }

    fn unreadable(&self, source: io::Error) -> BodyError {
        BodyError::Read { name: self.name.clone(), source }
    }

    async fn open_file(&self, path: &Path) -> Result<(u64, Blocks), BodyError> {
        let read = |source| self.unreadable(source);
        // Opening a pipe would wait for somebody to write to it.
        if !tokio::fs::metadata(path).await.map_err(read)?.is_file() {
            return Err(read(not_a_file()));
        }
        self.begin_file(tokio::fs::File::open(path).await.map_err(read)?).await
    }

    async fn begin_file(&self, file: tokio::fs::File) -> Result<(u64, Blocks), BodyError> {
        let name = || self.name.clone();
        let read = |source| self.unreadable(source);
        let file = file.into_std().await;
        let (file, seen) = tokio::task::spawn_blocking(move || look(&file).map(|seen| (file, seen)))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(read)?;
        let first = *lock(&self.first_seen).get_or_insert(seen);
        if first.0 != seen.0 {
            return Err(BodyError::Length { name: name(), expected: first.0, found: seen.0 });
        }
        if first != seen {
            return Err(BodyError::Changed { name: name() });
        }
        Ok((seen.0, Blocks::from_reader(Reader::file(file, seen, 0))))
    }
}

/// Where blocks come from.
enum Reader {
    /// The block after the one that is being sent is read meanwhile. No thread waits for the network.
    File { reading: JoinHandle<(std::fs::File, io::Result<Block>)>, seen: Seen, from: u64 },
    /// In a mutex because a request body must be `Sync`; it is only ever reached through `&mut`. Nothing has been
    /// read from it while it has no buffer.
    Any(Mutex<AnyReader>, Option<BytesMut>),
}

/// Content as it was read; none of it is the end.
struct Block {
    bytes: Bytes,
    /// At the end of a file: the file has changed since the beginning.
    changed: bool,
}

impl Reader {
    fn file(file: std::fs::File, seen: Seen, from: u64) -> Self {
        let reading = tokio::task::spawn_blocking(move || {
            let read = read_block(&file, seen.0, from).and_then(|bytes| {
                let changed = bytes.is_empty() && look(&file)? != seen;
                Ok(Block { bytes: bytes.into(), changed })
            });
            (file, read)
        });
        Self::File { reading, seen, from }
    }

    fn any(reader: AnyReader) -> Self {
        Self::Any(Mutex::new(reader), None)
    }

    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Block>> {
        match self {
            Self::File { reading, seen, from } => {
                let (file, block) = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)?;
                if let Ok(Block { bytes, .. }) = &block
                    && !bytes.is_empty()
                {
                    *self = Self::file(file, *seen, *from + bytes.len() as u64);
                }
                Poll::Ready(block)
            }
            Self::Any(reader, buffer) => {
                let (reader, buffer) = (unlocked(reader), buffer.get_or_insert_default());
                buffer.reserve(MAX_FRAME);
                ready!(tokio_util::io::poll_read_buf(reader.as_mut(), cx, buffer))?;
                Poll::Ready(Ok(Block { bytes: buffer.split().freeze(), changed: false }))
            }
        }
    }
}

/// The content that is still to be handed over.
struct Blocks {
    reader: Option<Reader>,
    /// Being handed over.
    block: Bytes,
    /// Read, but perhaps the last, and held back until the end is seen: until then the server can't have the whole
    /// body, and content that grew is never taken for complete.
    held: Bytes,
    read: u64,
}

impl Blocks {
    fn from_bytes(bytes: Bytes) -> Self {
        Self { reader: None, read: bytes.len() as u64, block: bytes, held: Bytes::new() }
    }

    fn from_reader(reader: Reader) -> Self {
        Self { reader: Some(reader), block: Bytes::new(), held: Bytes::new(), read: 0 }
    }

    /// Fills `block`, or leaves it empty at the end.
    fn poll_block(&mut self, cx: &mut Context<'_>, name: &Path, total: u64) -> Poll<Result<(), BodyError>> {
        while let Some(reader) = &mut self.reader {
            if !self.held.is_empty() && self.read < total {
                break;
            }
            let length = |found| BodyError::Length { name: name.to_owned(), expected: total, found };
            match ready!(reader.poll_block(cx)) {
                Err(source) => {
                    self.reader = None;
                    return Poll::Ready(Err(BodyError::Read { name: name.to_owned(), source }));
                }
                Ok(Block { bytes, .. }) if bytes.is_empty() && self.read < total => {
                    return Poll::Ready(Err(length(self.read)));
                }
                Ok(Block { changed: true, .. }) => {
                    return Poll::Ready(Err(BodyError::Changed { name: name.to_owned() }));
                }
                // Closes the file while the rest is still on its way.
                Ok(Block { bytes, .. }) if bytes.is_empty() => self.reader = None,
                Ok(Block { bytes, .. }) => {
                    self.read += bytes.len() as u64;
                    if self.read > total {
                        return Poll::Ready(Err(length(self.read)));
                    }
                    self.held = bytes;
                }
            }
        }
        self.block = std::mem::take(&mut self.held);
        Poll::Ready(Ok(()))
    }
}

/// The request body: content in frames.
struct Frames {
    name: PathBuf,
    content: Blocks,
    /// Where a reader goes back to that nothing was read from.
    once: Option<OnceReader>,
    started: Option<Instant>,
    /// In a mutex for the same reason as a reader.
    before_end: Option<Mutex<BeforeEnd>>,
    meter: Arc<Meter>,
}

impl Frames {
    /// A sixteenth of what goes out in a second: the connection queues up to 16 frames and only then shows whether they
    /// move. Small frames let a slow upload show that it does; large ones let a fast one be fast.
    fn size(&mut self) -> usize {
        let sent = self.meter.progress().sent as f64;
        let started = self.started.get_or_insert_with(Instant::now);
        let rate = sent / (started.elapsed().as_secs_f64() + 1.0);
        ((rate / 16.0) as usize).clamp(MIN_FRAME, MAX_FRAME)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let (Some(once), Some(Reader::Any(reader, None))) = (&self.once, self.content.reader.take()) {
            *lock(once) = reader.into_inner().ok();
        }
        self.meter.dropped();
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.content.block.is_empty()
            && let Err(failure) = ready!(this.content.poll_block(cx, &this.name, this.meter.progress().total))
        {
            return Poll::Ready(Some(Err(this.meter.fail(failure))));
        }
        if this.content.block.is_empty() {
            return Poll::Ready(None);
        }
        let size = this.size().min(this.content.block.len());
        let progress = this.meter.progress();
        if progress.sent + size as u64 == progress.total
            && let Some(before_end) = &mut this.before_end
        {
            let done = ready!(unlocked(before_end).as_mut().poll(cx));
            this.before_end = None;
            if let Err(source) = done {
                return Poll::Ready(Some(Err(this.meter.fail(BodyError::HeldBack { source }))));
            }
        }
        if !this.meter.advance(size as u64) {
            return Poll::Ready(Some(Err(io::Error::other("the request is over"))));
        }
        let frame = this.content.block.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        let progress = self.meter.progress();
        progress.sent == progress.total && self.content.reader.is_none()
    }

    /// Exact, so that the request has a `Content-Length` and isn't chunked.
    fn size_hint(&self) -> SizeHint {
        let progress = self.meter.progress();
        SizeHint::with_exact(progress.total.saturating_sub(progress.sent))
    }
}
