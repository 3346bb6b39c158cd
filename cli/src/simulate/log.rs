//! A line for each request on stderr. A thread of its own writes it, so that a stderr that nobody reads holds nothing
//! up: neither the simulator nor its end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use canva_simulator::ReceivedRequest;
use chrono::{DateTime, Local};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::args::simulate::LogFormat;

/// How many lines wait to be written. Further ones are dropped.
const MOST: usize = 1000;

/// How long the end waits for the last lines.
const MOMENT: Duration = Duration::from_millis(300);

/// What writes the log until its end.
pub struct Log {
    format: LogFormat,
    /// None is the end.
    lines: SyncSender<Option<String>>,
    dropped: Arc<AtomicU64>,
    written: oneshot::Receiver<()>,
}

impl Log {
    pub fn start(format: LogFormat) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel(MOST);
        let (done, written) = oneshot::channel();
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            // Nobody can be told that stderr is closed.
            let _ = write(&waiting, &lost, format);
            let _ = done.send(());
        })?;
        Ok(Self { format, lines, dropped, written })
    }

    /// What takes each request. It doesn't wait.
    pub fn listener(&self) -> impl Fn(&ReceivedRequest) + Send + Sync + 'static {
        let (format, lines, dropped) = (self.format, self.lines.clone(), self.dropped.clone());
        move |request| {
            if let Err(mpsc::TrySendError::Full(_)) = lines.try_send(Some(line(request, format))) {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Lets the last lines be written, if somebody reads them.
    pub async fn end(self) {
        if self.lines.try_send(None).is_ok() {
            let _ = timeout(MOMENT, self.written).await;
        }
    }
}

fn line(request: &ReceivedRequest, format: LogFormat) -> String {
    match format {
        LogFormat::Text => format!("{} {request}\n", DateTime::<Local>::from(request.at).format("%H:%M:%S")),
        LogFormat::Json => format!("{}\n", request.to_json()),
    }
}

fn write(lines: &Receiver<Option<String>>, dropped: &AtomicU64, format: LogFormat) -> io::Result<()> {
    loop {
        let next = match lines.try_recv() {
            Err(TryRecvError::Empty) => {
                let lost = dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    io::stderr().write_all(missing(lost, format).as_bytes())?;
                }
                lines.recv().ok()
            }
            next => next.ok(),
        };
        let Some(line) = next.flatten() else { return Ok(()) };
        io::stderr().write_all(line.as_bytes())?;
    }
}

fn missing(lines: u64, format: LogFormat) -> String {
    match format {
        LogFormat::Text => format!("canva: lines missing here: {lines}; nobody read the log in time\n"),
        LogFormat::Json => format!("{{\"lines_missing\":{lines}}}\n"),
    }
}
