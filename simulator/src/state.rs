//! Everything that one simulator holds: settings, clock, access tokens, library and log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use axum::http::HeaderValue;
use tokio::sync::Semaphore;

use crate::api::continuation::Continuations;
use crate::canva::addresses::Addresses;
use crate::canva::content::Store;
use crate::canva::library::Library;
use crate::canva::outcomes::Outcomes;
use crate::canva::rates::{RateCounter, RateLimits};
use crate::canva::urls::Urls;
use crate::clock::Clock;
use crate::faults::injections::Injections;
use crate::lock::lock;
use crate::log::Log;
use crate::oauth::OAuth;
use crate::serve::background::Background;
use crate::serve::tls::TlsServer;

/// The builder's settings that requests depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    pub job_duration: Duration,
    pub max_body_bytes: u64,
    pub max_asset_bytes: u64,
    pub rate_limits: Option<RateLimits>,
    pub rate_window: Duration,
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
}

impl State {
    /// `origin` is what the URLs in responses begin with.
    pub fn new(
        origin: String,
        clock: Arc<Clock>,
        oauth: OAuth,
        settings: Settings,
        background: Background,
        tls: Option<&TlsServer>,
    ) -> Self {
        Self {
            settings,
            clock,
            urls: Urls::new(origin),
            continuations: Continuations::default(),
            background,
            log: Log::default(),
            injections: Injections::new(tls.is_some_and(|tls| tls.http2)),
            oauth,
            certificate: tls.map(|tls| tls.certificate.clone()),
            counters: Mutex::default(),
            judging: Arc::new(Semaphore::new(1)),
            outcomes: Outcomes::default(),
            addresses: Addresses::default(),
            store: Arc::default(),
            library: Mutex::default(),
        }
    }

    /// Takes what is in the library, the outcomes of jobs and the files for addresses as they were at the start.
    pub fn settle(&self) {
        self.library().settle();
        self.outcomes.settle();
        self.addresses.settle();
    }

    /// Has in the library, as outcomes of jobs and as files for addresses what was there at the start, and nothing else.
    pub fn reset_content(&self) {
        self.library().reset();
        self.outcomes.reset();
        self.addresses.reset();
    }

    pub fn library(&self) -> MutexGuard<'_, Library> {
        lock(&self.library)
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
