//! Everything that one simulator holds: settings, clock, access tokens, library and log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::http::HeaderValue;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::api::continuation::Continuations;
use crate::canva::addresses::Addresses;
use crate::canva::content::Store;
use crate::canva::library::{Finished, JobError, Library};
use crate::canva::outcomes::Outcomes;
use crate::canva::rates::{RateCounter, RateLimits};
use crate::canva::urls::Urls;
use crate::clock::Clock;
use crate::faults::injections::Injections;
use crate::lock::lock;
use crate::log::{Listener, Log};
use crate::mask::Mask;
use crate::oauth::OAuth;
use crate::serve::background::Background;
use crate::serve::tls::TlsServer;
use crate::serve::visitors::Hosts;

/// How long whoever puts the clock ahead waits for jobs at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// The builder's settings that requests depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub job_duration: Duration,
    pub max_body_bytes: u64,
    pub max_asset_bytes: u64,
    pub rate_limits: Option<RateLimits>,
    pub rate_window: Duration,
    /// By which names the simulator is reached from elsewhere.
    pub hosts: Hosts,
    /// What `/simulator` and the page ask for, where somebody elsewhere may reach them.
    pub control_token: Option<String>,
    /// What a browser has in place of that token, in a cookie. It opens the page alone.
    pub page_pass: String,
    /// Knows the secrets that are given at the start.
    pub mask: Mask,
}

pub struct State {
    pub settings: Settings,
    pub clock: Arc<Clock>,
    pub urls: Urls,
    pub continuations: Continuations,
    pub background: Background,
    pub log: Log,
    pub injections: Injections,
    pub oauth: OAuth,
    /// The certificate of the CA that signed the simulator's own, in PEM, where it speaks TLS.
    pub certificate: Option<String>,
    /// By user and operation.
    pub counters: Mutex<HashMap<(String, &'static str), RateCounter>>,
    /// The permit to judge a file. There is one, so that many files at once cost no more than the costliest.
    pub judging: Arc<Semaphore>,
    pub outcomes: Outcomes,
    pub addresses: Addresses,
    pub store: Arc<Store>,
    library: Mutex<Library>,
    /// A job has ended.
    ended: Notify,
}

impl State {
    /// `origin` is what the URLs in responses begin with.
    pub fn new(
        origin: String,
        clock: Arc<Clock>,
        oauth: OAuth,
        settings: Settings,
        background: Background,
        listener: Option<Listener>,
        tls: Option<&TlsServer>,
    ) -> Self {
        let log = Log::new(clock.clone(), listener, settings.mask.clone());
        Self {
            settings,
            clock,
            urls: Urls::new(origin),
            continuations: Continuations::default(),
            background,
            log,
            injections: Injections::new(tls.is_some_and(|tls| tls.http2)),
            oauth,
            certificate: tls.map(|tls| tls.certificate.clone()),
            counters: Mutex::default(),
            judging: Arc::new(Semaphore::new(1)),
            outcomes: Outcomes::default(),
            addresses: Addresses::default(),
            store: Arc::default(),
            library: Mutex::default(),
            ended: Notify::new(),
        }
    }

    pub fn library(&self) -> MutexGuard<'_, Library> {
        lock(&self.library)
    }

    /// Ends a job.
    pub fn finish_job(&self, id: &str, outcome: Result<Finished, JobError>) {
        self.library().finish_job(id, outcome, self.now());
        self.ended.notify_waiters();
        self.log.changed();
    }

    /// Waits for jobs whose time is over, so that whoever puts the clock ahead finds them ended. Some may have work to do
    /// that takes longer.
    pub async fn overdue(&self) {
        let wait = async {
            loop {
                let ended = self.ended.notified();
                if !self.library().is_behind(self.clock.since_epoch()) {
                    return;
                }
                ended.await;
            }
        };
        // Too late, they end after this.
        let _ = timeout(PATIENCE, wait).await;
    }

    /// What there is now is what [`reset`](Self::reset) goes back to.
    pub fn keep(&self) {
        self.library().keep();
        self.outcomes.keep();
        self.addresses.keep();
        self.injections.keep();
        self.oauth.keep();
    }

    /// As at the start, but for numbers and ids, which go on: what still runs finishes into nothing.
    pub fn reset(&self) {
        // First: what begins from now on has the times of now.
        self.clock.reset();
        self.library().reset();
        self.outcomes.reset();
        self.addresses.reset();
        self.injections.reset();
        self.oauth.reset();
        lock(&self.counters).clear();
        self.log.clear();
    }

    /// The time in seconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.clock.seconds()
    }

    /// The same time as a response has it.
    pub fn date(&self) -> Option<HeaderValue> {
        let now = SystemTime::UNIX_EPOCH.checked_add(self.clock.since_epoch())?;
        HeaderValue::try_from(httpdate::fmt_http_date(now)).ok()
    }
}
