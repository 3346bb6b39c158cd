//! What is known of many files while they are on their way, and of the limit that holds them back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use canva_connect::UploadProgress;
use canva_connect::operations::Operation;

use crate::item::Status;

/// The state of many files, or of other things that take a request each. The work writes it, and the screen reads it
/// whenever it draws.
pub struct Tally {
    /// What is counted, such as `files`.
    pub files: usize,
    /// Those that have ended, in one of three ways.
    pub done: usize,
    pub failed: usize,
    pub unknown: usize,
    /// Of all files that are sent. 0 if nothing is.
    pub bytes: u64,
    /// Of the files whose bytes are over.
    pub bytes_done: u64,
    /// Not on their way yet.
    pub to_send: usize,
    pub sending: BTreeMap<usize, Sent>,
    /// What Canva works on, and since when.
    pub at_canva: BTreeMap<usize, (String, Instant)>,
    /// Sent, but the answer was lost.
    pub looked_for: usize,
    pub begun: Instant,
    /// How many requests a minute Canva takes of those that send files, if that is limited.
    pub per_minute: Option<u32>,
    /// While the network is waited for: what failed, and since when.
    pub network: Option<(String, Instant)>,
}

/// How much of a file is sent.
pub struct Sent {
    pub name: String,
    pub sent: u64,
    pub total: u64,
    pub attempt: u32,
}

/// Until when the command holds its requests back, to stay within Canva's limits.
#[derive(Clone, Debug)]
pub struct LimitWait {
    pub operation: &'static Operation,
    /// How many requests Canva takes in each window.
    pub limit: u32,
    pub window: Duration,
    /// `None`: another command on this machine has all permits, and nobody knows when it gives one back.
    pub until: Option<SystemTime>,
    pub since: Instant,
}

impl Tally {
    pub fn new(files: usize) -> Self {
        Self {
            files,
            done: 0,
            failed: 0,
            unknown: 0,
            bytes: 0,
            bytes_done: 0,
            to_send: files,
            sending: BTreeMap::new(),
            at_canva: BTreeMap::new(),
            looked_for: 0,
            begun: Instant::now(),
            per_minute: None,
            network: None,
        }
    }

    pub fn ended(&self) -> usize {
        self.done + self.failed + self.unknown
    }

    /// How many bytes have left, of those in [`bytes`](Self::bytes).
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_done + self.sending.values().map(|file| file.sent).sum::<u64>()
    }

    /// A file is on its way.
    pub fn sends(&mut self, number: usize, sent: Sent) {
        if self.sending.insert(number, sent).is_none() {
            self.to_send = self.to_send.saturating_sub(1);
        }
    }

    /// The bytes of a file are over, whatever came of them.
    pub fn sent(&mut self, number: usize, bytes: u64) {
        self.bytes_done += bytes;
        if self.sending.remove(&number).is_none() {
            self.to_send = self.to_send.saturating_sub(1);
        }
    }

    pub fn end(&mut self, status: Status) {
        match status {
            Status::Failed => self.failed += 1,
            Status::Unknown => self.unknown += 1,
            Status::Success | Status::InProgress => self.done += 1,
        }
    }
}

impl Sent {
    pub fn new(name: &str, progress: UploadProgress) -> Self {
        let UploadProgress { sent, total, attempt, .. } = progress;
        Self { name: name.to_owned(), sent, total, attempt }
    }
}
