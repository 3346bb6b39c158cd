//! The bytes of assets and designs: in memory up to a bound, then in a temporary file without a name, which is gone
//! when the process ends, however it ends.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::lock::lock;

/// How many bytes are kept in memory in all.
const MAX_MEMORY: usize = 256 << 20;

/// Where all content is.
#[derive(Default)]
pub struct Store {
    /// How many bytes are in memory.
    memory: AtomicUsize,
    file: Mutex<Option<Appended>>,
    /// How many contents are in the file.
    in_file: AtomicUsize,
}

struct Appended {
    file: File,
    end: u64,
}

/// A file's bytes. Copies share them; with the last one they go. The default is an empty file.
#[derive(Clone, Default)]
pub struct Content(Option<Arc<Kept>>);

struct Kept {
    place: Place,
    store: Arc<Store>,
}

enum Place {
    Memory(Bytes),
    File { start: u64, length: usize },
}

impl Store {
    /// Keeps the bytes. Fails where the temporary file can't be made or written. It writes where nobody waits for it.
    pub async fn keep(self: &Arc<Self>, bytes: Bytes) -> io::Result<Content> {
        match self.keep_in_memory(&bytes) {
            Some(content) => Ok(content),
            None => {
                let store = self.clone();
                spawn_blocking(move || store.keep_in_file(&bytes)).await.map_err(io::Error::other)?
            }
        }
    }

    /// The same for a thread that may block.
    pub fn keep_blocking(self: &Arc<Self>, bytes: &Bytes) -> io::Result<Content> {
        self.keep_in_memory(bytes).map_or_else(|| self.keep_in_file(bytes), Ok)
    }

    fn keep_in_memory(self: &Arc<Self>, bytes: &Bytes) -> Option<Content> {
        let fits = |held: usize| held.checked_add(bytes.len()).filter(|held| *held <= MAX_MEMORY);
        self.memory.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(self.content(Place::Memory(bytes.clone())))
    }

    fn keep_in_file(self: &Arc<Self>, bytes: &[u8]) -> io::Result<Content> {
        let mut appended = lock(&self.file);
        let Appended { file, end } = match &mut *appended {
            Some(appended) => appended,
            none => none.insert(Appended { file: tempfile::tempfile()?, end: 0 }),
        };
        // Nothing in the file is needed any more, so its place is free again.
        if self.in_file.load(Ordering::Acquire) == 0 {
            file.set_len(0)?;
            *end = 0;
        }
        let start = *end;
        file.seek(SeekFrom::Start(start))?;
        if let Err(error) = file.write_all(bytes) {
            // A full disk has no use for half a file.
            let _ = file.set_len(start);
            return Err(error);
        }
        *end += bytes.len() as u64;
        self.in_file.fetch_add(1, Ordering::Relaxed);
        Ok(self.content(Place::File { start, length: bytes.len() }))
    }

    fn content(self: &Arc<Self>, place: Place) -> Content {
        Content(Some(Arc::new(Kept { place, store: self.clone() })))
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let mut appended = lock(&self.file);
        let file = &mut appended.as_mut().ok_or(io::ErrorKind::NotFound)?.file;
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        match &self.place {
            Place::Memory(bytes) => self.store.memory.fetch_sub(bytes.len(), Ordering::Relaxed),
            Place::File { .. } => self.store.in_file.fetch_sub(1, Ordering::Release),
        };
    }
}

impl Content {
    pub fn len(&self) -> usize {
        match self.0.as_ref().map(|kept| &kept.place) {
            None => 0,
            Some(Place::Memory(bytes)) => bytes.len(),
            Some(Place::File { length, .. }) => *length,
        }
    }

    /// The bytes, read by this thread where they are in the file.
    pub fn bytes(&self) -> io::Result<Bytes> {
        let Some(kept) = &self.0 else { return Ok(Bytes::new()) };
        match &kept.place {
            Place::Memory(bytes) => Ok(bytes.clone()),
            Place::File { start, length } => kept.store.read(*start, *length),
        }
    }

    /// The bytes, read where nobody waits for it.
    pub async fn load(&self) -> io::Result<Bytes> {
        match self.0.as_ref().map(|kept| &kept.place) {
            Some(Place::File { .. }) => {
                let content = self.clone();
                spawn_blocking(move || content.bytes()).await.map_err(io::Error::other)?
            }
            _ => self.bytes(),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
