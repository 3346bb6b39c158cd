//! The one way to stop: Ctrl-C, the end of a service and a closed terminal ask for it, and a second time ends the
//! process at once.

use std::future::pending;
use std::time::{Duration, Instant};
use std::{io, process, thread};

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::End;

/// What comes this soon after a signal is the same one: a closed terminal sends SIGHUP twice, and a runner that passes
/// Ctrl-C on adds one to the terminal's own.
const SAME: Duration = Duration::from_millis(500);

/// What asked the command to stop.
#[cfg_attr(windows, allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The end of a service, or of a job in CI.
    Terminate,
    /// The terminal was closed.
    Hangup,
}

impl Signal {
    /// The exit code, which is what a shell gives a process that a signal has ended.
    pub fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
        }
    }
}

/// Tells when the command is to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<Option<Signal>>);

impl Stop {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        let (stop, stopped) = watch::channel(None);
        // A thread of its own: all others may hang, for example in a write to a pipe that no one reads.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _context = runtime.enter();
            Signals::new()?
        };
        let listen = async move {
            stop.send_replace(Some(signals.next().await));
            let first = Instant::now();
            loop {
                let signal = signals.next().await;
                if first.elapsed() > SAME {
                    process::exit(signal.code().into());
                }
            }
        };
        thread::Builder::new().name("stop".to_owned()).spawn(move || runtime.block_on(listen))?;
        Ok(Self(stopped))
    }

    /// Resolves once a signal has come, each time that it is called.
    pub async fn requested(&self) -> Signal {
        let signal = self.0.clone().wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        match signal {
            Some(signal) => signal,
            // Nobody listens any more.
            None => pending().await,
        }
    }

    /// What this gives, unless a signal comes first. For what leaves nothing to be said.
    pub async fn or<T>(&self, future: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            biased;
            value = future => Ok(value),
            signal = self.requested() => Err(End::stopped(signal, "stopped")),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// None under `nohup`.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = hangup => Signal::Hangup,
            else => pending().await,
        }
    }
}

/// Whether the command was started with `nohup`. Only Linux tells without unsafe code; elsewhere, SIGHUP stops it.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal, and SIGHUP is the first.
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 == 1)
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(()) => Signal::Interrupt,
            None => pending().await,
        }
    }
}
