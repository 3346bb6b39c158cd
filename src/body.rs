//! What is uploaded: a path, bytes, or a reader, always of a known length, handed to the connection in frames that fit
//! its speed. It reports progress and says what went wrong with the content; what that means for the request is the
//! transport's to say.

use std::fmt;
use std::future::Future;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::io::AsyncRead;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::BoxFuture;
use crate::error::{BodyError, Progress};

/// How much is read from a file at once, while the block before it is being sent. Measured over loopback, 1 GiB: reads of
/// 4 KiB take 6.9 s, of 64 KiB 0.88 s, of 256 KiB 0.46 s.
const BLOCK: usize = 512 * 1024;

/// The largest frame.
const MAX_FRAME: usize = 256 * 1024;

/// The smallest frame. The connection queues up to 16 frames before it asks again, so that an upload of a slow start
/// shows progress every 64 KiB.
const MIN_FRAME: usize = 4 * 1024;

/// Progress is reported when at least this much moved since the last report, or ...
const REPORT_BYTES: u64 = 64 * 1024;
/// ... this much time passed.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// The content of an upload or import. Made from a path, from bytes, or from a reader of known length.
///
/// ```
/// use canva_connect::UploadBody;
///
/// let file = UploadBody::from("photo.png"); // a path: streamed from disk, never read into memory as a whole
/// let bytes = UploadBody::from(vec![0x89, b'P', b'N', b'G']);
/// let archive = UploadBody::reopen(4, || async { Ok(&b"data"[..]) }); // opened anew for each try
/// ```
pub struct UploadBody(Source);

enum Source {
    Path(PathBuf),
    Bytes(Bytes),
    Reopen { length: u64, open: Box<dyn Fn() -> BoxFuture<'static, io::Result<AnyReader>> + Send + Sync> },
    Once { length: u64, reader: Mutex<Option<AnyReader>> },
}

type AnyReader = Pin<Box<dyn AsyncRead + Send>>;

impl UploadBody {
    /// Content that can be opened any number of times, so that a request that Canva refused unread (429, 401) or that
    /// never left can be repeated. Each opening must yield the same `length` bytes.
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

    /// Content that can be read once. A request with it is never repeated, whatever happens.
    pub fn once(length: u64, reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Source::Once { length, reader: Mutex::new(Some(Box::pin(reader))) })
    }

    /// The file name, where there is one that is text.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.path()?.file_name()?.to_str()
    }

    /// The file name without its extension, where there is one that is text.
    pub(crate) fn file_stem(&self) -> Option<&str> {
        self.path()?.file_stem()?.to_str()
    }

    fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Path(path) => Some(path),
            _ => None,
        }
    }

    fn name(&self) -> PathBuf {
        self.path().unwrap_or(Path::new("upload")).to_owned()
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

pub(crate) type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// A body on its way through one or more tries.
pub(crate) struct Upload {
    body: UploadBody,
    on_progress: Option<Arc<Mutex<OnProgress>>>,
    /// What the file was like at the first try.
    first_seen: Mutex<Option<(u64, Option<SystemTime>)>>,
}

impl Upload {
    pub(crate) fn new(body: UploadBody, on_progress: Option<OnProgress>) -> Self {
        let on_progress = on_progress.map(|report| Arc::new(Mutex::new(report)));
        Self { body, on_progress, first_seen: Mutex::new(None) }
    }

    /// Whether the content is there for another try.
    pub(crate) fn can_reopen(&self) -> bool {
        !matches!(self.body.0, Source::Once { .. })
    }

    /// Opens the content for one try.
    pub(crate) async fn open(&self) -> Result<(reqwest::Body, Arc<Meter>), BodyError> {
        let name = self.body.name();
        let read = |source| BodyError::Read { name: name.clone(), source };
        let (total, content) = match &self.body.0 {
            Source::Path(path) => self.open_file(path).await?,
            Source::Bytes(bytes) => (bytes.len() as u64, Content::bytes(bytes.clone())),
            Source::Reopen { length, open } => (*length, Content::new(Reader::any(open().await.map_err(read)?))),
            Source::Once { length, reader } => match lock(reader).take() {
                Some(reader) => (*length, Content::new(Reader::any(reader))),
                None => return Err(read(io::Error::other("its reader was used up by an earlier try"))),
            },
        };
        let meter = Arc::new(Meter::new(total, self.on_progress.clone()));
        let frames = Frames { name, content, started: None, meter: meter.clone() };
        Ok((reqwest::Body::wrap(frames), meter))
    }

    async fn open_file(&self, path: &Path) -> Result<(u64, Content), BodyError> {
        let name = || path.to_owned();
        let read = |source| BodyError::Read { name: name(), source };
        // Opening a pipe would wait for somebody to write to it.
        if !tokio::fs::metadata(path).await.map_err(read)?.is_file() {
            return Err(read(io::Error::other("not a regular file")));
        }
        let file = tokio::fs::File::open(path).await.map_err(read)?;
        let metadata = file.metadata().await.map_err(read)?;
        let seen = (metadata.len(), metadata.modified().ok());
        let first = *lock(&self.first_seen).get_or_insert(seen);
        if first.0 != seen.0 {
            return Err(BodyError::Length { name: name(), expected: first.0, found: seen.0 });
        }
        if first != seen {
            return Err(BodyError::Changed { name: name() });
        }
        Ok((metadata.len(), Content::new(Reader::file(file.into_std().await))))
    }
}

/// How far one try is: the frames write it, the transport and the caller's progress function read it.
pub(crate) struct Meter {
    total: u64,
    state: Mutex<MeterState>,
    finished: Notify,
    on_progress: Option<Arc<Mutex<OnProgress>>>,
}

struct MeterState {
    sent: u64,
    moved: Option<Instant>,
    reported: u64,
    reported_at: Instant,
    failure: Option<BodyError>,
    over: bool,
}

impl Meter {
    fn new(total: u64, on_progress: Option<Arc<Mutex<OnProgress>>>) -> Self {
        let now = Instant::now();
        let state = MeterState { sent: 0, moved: None, reported: 0, reported_at: now, failure: None, over: false };
        let meter = Self { total, state: Mutex::new(state), finished: Notify::new(), on_progress };
        meter.report(0);
        meter
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress { sent: lock(&self.state).sent, total: self.total }
    }

    /// When a frame was last taken, if any was, and whether all are.
    pub(crate) fn last_move(&self) -> (Option<Instant>, bool) {
        let state = lock(&self.state);
        (state.moved, state.sent >= self.total)
    }

    /// Resolves once the last frame was taken.
    pub(crate) async fn finished(&self) {
        self.finished.notified().await;
    }

    /// Nobody waits for this try any more: no more of it is sent, and nothing reported.
    pub(crate) fn end(&self) {
        lock(&self.state).over = true;
    }

    fn is_over(&self) -> bool {
        lock(&self.state).over
    }

    /// What was wrong with the content, if that is what ended the request.
    pub(crate) fn take_failure(&self) -> Option<BodyError> {
        lock(&self.state).failure.take()
    }

    fn advance(&self, bytes: u64) {
        let now = Instant::now();
        let sent = {
            let mut state = lock(&self.state);
            state.sent += bytes;
            state.moved = Some(now);
            if state.sent == self.total {
                self.finished.notify_one();
            }
            let due = state.sent - state.reported >= REPORT_BYTES
                || now - state.reported_at >= REPORT_EVERY
                || state.sent == self.total;
            if self.on_progress.is_none() || !due {
                return;
            }
            state.reported = state.sent;
            state.reported_at = now;
            state.sent
        };
        self.report(sent);
    }

    fn report(&self, sent: u64) {
        if let Some(on_progress) = &self.on_progress {
            lock(on_progress)(Progress { sent, total: self.total });
        }
    }

    fn fail(&self, failure: BodyError) -> io::Error {
        let error = io::Error::other(failure.to_string());
        lock(&self.state).failure = Some(failure);
        error
    }
}

/// Where blocks come from.
enum Reader {
    /// The block after the one that is being sent is read meanwhile. No thread waits for the network.
    File(JoinHandle<(std::fs::File, io::Result<Bytes>)>),
    /// In a mutex because a request body must be `Sync`; it is only ever reached through `&mut`.
    Any(Mutex<AnyReader>, BytesMut),
}

impl Reader {
    fn file(file: std::fs::File) -> Self {
        Self::File(tokio::task::spawn_blocking(move || {
            let mut block = Vec::with_capacity(BLOCK);
            let read = (&file).take(BLOCK as u64).read_to_end(&mut block);
            (file, read.map(|_| block.into()))
        }))
    }

    fn any(reader: AnyReader) -> Self {
        Self::Any(Mutex::new(reader), BytesMut::new())
    }

    /// The next block; an empty one is the end.
    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        match self {
            Self::File(reading) => {
                let (file, block) = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other)?;
                if block.as_ref().is_ok_and(|block| !block.is_empty()) {
                    *self = Self::file(file);
                }
                Poll::Ready(block)
            }
            Self::Any(reader, buffer) => {
                let reader = reader.get_mut().unwrap_or_else(PoisonError::into_inner);
                buffer.reserve(MAX_FRAME);
                ready!(tokio_util::io::poll_read_buf(reader.as_mut(), cx, buffer))?;
                Poll::Ready(Ok(buffer.split().freeze()))
            }
        }
    }
}

/// What is left to hand over.
struct Content {
    reader: Option<Reader>,
    /// Being handed over.
    block: Bytes,
    /// Read, but perhaps the last, and held back until the end is seen: until then the server can't have the whole body,
    /// and content that grew is never taken for complete.
    held: Bytes,
    read: u64,
}

impl Content {
    fn bytes(bytes: Bytes) -> Self {
        Self { reader: None, read: bytes.len() as u64, block: bytes, held: Bytes::new() }
    }

    fn new(reader: Reader) -> Self {
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
                Ok(block) if block.is_empty() && self.read < total => return Poll::Ready(Err(length(self.read))),
                // Closes the file while the rest is still on its way.
                Ok(block) if block.is_empty() => self.reader = None,
                Ok(block) => {
                    self.read += block.len() as u64;
                    if self.read > total {
                        return Poll::Ready(Err(length(self.read)));
                    }
                    self.held = block;
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
    content: Content,
    started: Option<Instant>,
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

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.content.block.is_empty()
            && let Err(failure) = ready!(this.content.poll_block(cx, &this.name, this.meter.total))
        {
            return Poll::Ready(Some(Err(this.meter.fail(failure))));
        }
        if this.content.block.is_empty() {
            return Poll::Ready(None);
        }
        if this.meter.is_over() {
            return Poll::Ready(Some(Err(io::Error::other("the request is over"))));
        }
        let size = this.size().min(this.content.block.len());
        let frame = this.content.block.split_to(size);
        this.meter.advance(size as u64);
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

/// A caller's panic in a progress function must not become ours.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
