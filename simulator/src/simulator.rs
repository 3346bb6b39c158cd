//! The simulator as its user holds it: what it received and has, how it is steered, and its end.

use std::fmt;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::AbortHandle;

use crate::api::jobs;
use crate::builder::Builder;
use crate::canva::designs::StoredDesign;
use crate::canva::folders::StoredFolder;
use crate::canva::library::StoredAsset;
use crate::canva::outcomes::JobOutcome;
use crate::canva::rates;
use crate::faults::Fault;
use crate::faults::injections::Injection;
use crate::lock::lock;
use crate::log::ReceivedRequest;
use crate::oauth::Which;
use crate::serve::port::Port;
use crate::state::State;

/// A local Canva. It answers until it is dropped. Then its port closes and its jobs stop.
pub struct Simulator {
    pub(super) base_url: String,
    pub(super) token_url: String,
    pub(super) authorization_url: String,
    pub(super) control_url: String,
    pub(super) token: String,
    pub(super) port: Arc<Port>,
    pub(super) state: Arc<State>,
    pub(super) connections: AbortHandle,
}

impl Simulator {
    /// Starts with the defaults of [`Builder`].
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::start`].
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The settings, to be changed before the start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL for clients: `http://127.0.0.1:PORT/rest`, or `https://…` with [`Builder::tls`].
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where clients get their tokens: `http://127.0.0.1:PORT/auth/v1/oauth/token`, with `revoke` and `introspect`
    /// beside it. The three also stand below [`base_url`](Self::base_url), which Canva has deprecated.
    pub fn token_url(&self) -> &str {
        &self.token_url
    }

    /// The certificate of the simulator's own CA, in PEM, for clients to trust. `None` without [`Builder::tls`].
    pub fn certificate(&self) -> Option<&str> {
        self.state.certificate.as_deref()
    }

    /// The first token of [`Builder::access`], else a JWT with [`Builder::scopes`] that works until the simulator ends
    /// or the token is revoked.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the simulator is shown and steered from other languages: `http://127.0.0.1:PORT/simulator`. What is there is
    /// described by `openapi.yaml` below it.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// What `/simulator` and the page ask for as bearer token. `None` where they ask for none: only this machine
    /// can reach them, and [`Builder::control_token`] has set none.
    pub fn control_token(&self) -> Option<&str> {
        self.state.settings.control_token.as_deref()
    }

    /// The requests so far, oldest first. The simulator keeps the newest 10 000, with paths, query strings
    /// and headers of 64 MiB and bodies of 256 MiB at most. The newest body is kept whatever its length. Older bodies
    /// are emptied first. Those for the consent page and thumbnails are among them, and those that weren't let in; those
    /// for `/simulator` aren't.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.log.requests()
    }

    /// The assets in the default user's content library, oldest first.
    pub fn assets(&self) -> Vec<StoredAsset> {
        self.assets_of(self.user_id())
    }

    /// The default user's deleted assets, in the order of their deletion.
    pub fn trash(&self) -> Vec<StoredAsset> {
        self.trash_of(self.user_id())
    }

    /// The designs that the default user imported or made, oldest first.
    pub fn designs(&self) -> Vec<StoredDesign> {
        self.designs_of(self.user_id())
    }

    /// The folders that the default user made, oldest first.
    pub fn folders(&self) -> Vec<StoredFolder> {
        self.folders_of(self.user_id())
    }

    /// The assets in this user's content library, oldest first.
    pub fn assets_of(&self, user_id: &str) -> Vec<StoredAsset> {
        self.state.library().assets.values().filter(|asset| asset.owner.user_id == user_id).cloned().collect()
    }

    /// This user's deleted assets, in the order of their deletion.
    pub fn trash_of(&self, user_id: &str) -> Vec<StoredAsset> {
        self.state.library().trash.values().filter(|asset| asset.owner.user_id == user_id).cloned().collect()
    }

    /// The designs that this user imported or made, oldest first.
    pub fn designs_of(&self, user_id: &str) -> Vec<StoredDesign> {
        self.state.library().designs.values().filter(|design| design.owner.user_id == user_id).cloned().collect()
    }

    /// The folders that this user made, oldest first.
    pub fn folders_of(&self, user_id: &str) -> Vec<StoredFolder> {
        self.state.library().folders.values().filter(|folder| folder.owner.user_id == user_id).cloned().collect()
    }

    /// The id of the default user, whom [`token`](Self::token) acts for.
    fn user_id(&self) -> &str {
        &self.state.oauth.owner.user_id
    }

    /// Accepts connections from now on. It is needed after [`Builder::refusing`] only.
    ///
    /// # Errors
    ///
    /// The system refuses to listen on the port.
    pub fn accept(&self) -> io::Result<()> {
        self.port.open()
    }

    /// Lets requests of an operation meet a fault. `requests` counts from now: `1..=1` is the next request, `..` is
    /// every one. `operation` is the spec's operation id, or `token`, `revoke` or `introspect` for an endpoint of
    /// OAuth. Returns the fault's id.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for an unknown operation, and for a fault of HTTP/2 if the simulator doesn't
    /// speak it.
    pub fn inject(&self, operation: &str, requests: impl RangeBounds<u32>, fault: Fault) -> io::Result<u64> {
        self.state.injections.inject(Injection::new(operation, requests, fault))
    }

    /// The faults that a request can still meet, the first one that it meets first.
    pub fn faults(&self) -> Vec<Injection> {
        self.state.injections.list()
    }

    /// Ends a fault, by the id that [`inject`](Self::inject) has returned.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if no fault has it, or no request can meet that fault any more.
    pub fn remove_fault(&self, id: u64) -> io::Result<()> {
        self.state.injections.remove(id)
    }

    /// Ends every fault, also those of [`Builder::fault`].
    pub fn clear_faults(&self) {
        self.state.injections.clear();
    }

    /// Goes back to the start, or to [`keep`](Self::keep): library, jobs, outcomes, files for URLs, requests, faults,
    /// tokens, limits and clock are as they were then. Ids and the numbers of requests go on, and jobs that still run are
    /// forgotten.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Makes what there is now what [`reset`](Self::reset) goes back to: library, outcomes, files for URLs, faults and
    /// tokens, but no jobs.
    pub fn keep(&self) {
        self.state.keep();
    }

    /// Lets jobs that start from now on end as this says. Where several rules fit, the first one does it. Returns the
    /// rule's id.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a rule that makes no sense: with a code of other characters than `a-z`, `0-9`
    /// and `_`, a message without a code, neither a code nor a time, a time of over a day, or no times.
    pub fn outcome(&self, outcome: JobOutcome) -> io::Result<u64> {
        self.state.outcomes.add(outcome)
    }

    /// The rules for jobs that aren't used up, the one that is looked at first first. `times` is how many jobs are left.
    pub fn outcomes(&self) -> Vec<JobOutcome> {
        self.state.outcomes.list()
    }

    /// Leaves all jobs to end as they would, also those of [`Builder::outcome`].
    pub fn clear_outcomes(&self) {
        self.state.outcomes.clear();
    }

    /// Removes a rule for jobs.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is none with this id, or it is used up.
    pub fn remove_outcome(&self, id: u64) -> io::Result<()> {
        self.state.outcomes.remove(id)
    }

    /// All jobs, of all users, the newest first: `id`, `kind`, `user`, `name`, `status`, `started_at`, `ends_at` (when
    /// it ends at the earliest; both in seconds since the Unix epoch), `asset_id`, `design_id` and `error`.
    pub fn jobs(&self) -> Vec<Value> {
        self.state.library().list_jobs(None)
    }

    /// Lets a file stand for a URL, in place of an older one: uploads and imports from this URL take it, without a
    /// network. Not everything in a URL counts: no fragment, name or password. A large file may be written to the disk
    /// at once, by this thread.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for what is no `http` or `https` URL, and other kinds where the file can't be
    /// written.
    pub fn file_at(&self, url: &str, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.state.addresses.put(url, self.state.store.keep_blocking(&bytes.into())?)
    }

    /// What all users have, as JSON: `assets`, `trash`, `designs` and `folders`, the newest first. Each has the API's
    /// own form, and `owner`, `folder_id`, and the `size` of its file in bytes.
    pub fn library(&self) -> Value {
        self.state.library().list(&self.state.urls, self.state.now())
    }

    /// The URLs that files stand for: `url`, and how many `bytes` the file has.
    pub fn files(&self) -> Vec<Value> {
        self.state.addresses.list()
    }

    /// Takes back every file of [`file_at`](Self::file_at) and [`Builder::file_at`].
    pub fn clear_files(&self) {
        self.state.addresses.clear();
    }

    /// Takes back one file of [`file_at`](Self::file_at).
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for what is no URL, and [`io::ErrorKind::NotFound`] if no file stands for it.
    pub fn remove_file_at(&self, url: &str) -> io::Result<()> {
        self.state.addresses.remove(url)
    }

    /// Makes an asset of an image or a video, or a design of a document, at once and without a request. `name` is the
    /// asset's name or the design's title, of 1 to 50 characters. It is the default user's, unless another one is
    /// named. Returns the id.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a name that is too long and for a file with which an upload or an import
    /// would fail. It says why.
    pub async fn add(&self, name: &str, bytes: impl Into<Bytes>, user_id: Option<&str>) -> io::Result<String> {
        let made = jobs::add(&self.state, &self.state.urls, name, bytes.into(), user_id).await?;
        let id = made.as_object().and_then(|made| made.values().next()?.get("id")?.as_str());
        Ok(id.unwrap_or_default().to_owned())
    }

    /// Puts the simulator's clock ahead: jobs end, limits are free again, tokens and thumbnails' URLs expire. In all it
    /// can be ten years ahead. Jobs whose time has come end soon after this returns.
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }

    /// The id of the OAuth client that tokens are issued to.
    pub fn client_id(&self) -> &str {
        &self.state.oauth.client.id
    }

    /// The secret that goes with [`client_id`](Self::client_id).
    pub fn client_secret(&self) -> &str {
        &self.state.oauth.client.secret
    }

    /// An access token of another user, with [`Builder::scopes`] and the lifetime of a token from the token endpoint.
    /// The user needs no preparation. Each user has their own assets, jobs and rate limits, whatever the number of
    /// their tokens, and can't reach those of others.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use canva_connect::Client;
    /// use canva_simulator::Simulator;
    ///
    /// let simulator = Simulator::start().await?;
    /// let anna = Client::builder().base_url(simulator.base_url()).token(simulator.authorize_as("anna")).build()?;
    /// anna.upload_asset("../tests/fixtures/photo.png").await?.wait().await?;
    ///
    /// assert_eq!(simulator.assets_of("anna").len(), 1);
    /// assert!(simulator.assets().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn authorize_as(&self, user_id: &str) -> String {
        self.state.oauth.token_for(self.state.oauth.user(user_id), false)
    }

    /// An access token of this user with these scopes, for this long.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for a scope that isn't one of [`Builder::scopes`].
    pub fn token_for<S: Into<String>>(
        &self,
        user_id: &str,
        scopes: impl IntoIterator<Item = S>,
        lifetime: Duration,
    ) -> io::Result<String> {
        let (oauth, scopes) = (&self.state.oauth, scopes.into_iter().map(Into::into).collect());
        Ok(oauth.issue_to(oauth.user(user_id), scopes, Some(lifetime))?.1)
    }

    /// Ends an access token now, as if its time were over. A client that has a refresh token can go on.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the simulator hasn't issued this token, and [`io::ErrorKind::InvalidInput`] for a
    /// refresh token, which doesn't expire.
    pub fn expire(&self, token: &str) -> io::Result<()> {
        self.state.oauth.expire(&Which::Token(token.to_owned()))
    }

    /// Every limit of which a request was counted, as it stands: `user`, `operation`, `limit`, `used`, `window_seconds`
    /// and `free_in_seconds`, after which the next request is let through. It is empty without
    /// [`Builder::rate_limits`].
    pub fn rates(&self) -> Vec<Value> {
        rates::list(&lock(&self.state.counters), self.state.clock.now())
    }

    /// Every token, oldest first: `id`, `kind` (`access` or `refresh`), `user`, `scopes`, `issued_at`, `expires_at`
    /// (both in seconds since the Unix epoch; none for a token that doesn't end), and `state`: `active`, `expired`, `used`
    /// (a refresh token) or `revoked`. `token` is the last characters of its text, no more.
    pub fn tokens(&self) -> Vec<Value> {
        self.state.oauth.tokens()
    }

    /// Revokes an access token or a refresh token, and all other tokens of its consent, as a user does who disconnects
    /// the integration.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the simulator hasn't issued this token.
    pub fn revoke(&self, token: &str) -> io::Result<()> {
        self.state.oauth.revoke_token(&Which::Token(token.to_owned()))
    }

    /// The page where an integration asks its user for consent. A browser (its `Accept` has `text/html`) shows who asks
    /// for what, and its user allows or denies it. A program is sent back at once, by a redirect with a code. What a page
    /// fetches in a browser is refused: no user has seen it. To log in as another user than the default one, append
    /// `&user=anna` to the URL; Canva's page has no such parameter.
    pub fn authorization_url(&self) -> &str {
        &self.authorization_url
    }

    /// Consents as the default user, and returns the code that the browser would bring back. It can be exchanged
    /// once, within ten minutes, with the same `redirect_uri`, which may be left out if it is empty here. With a
    /// scope that isn't in [`Builder::scopes`], the exchange is refused with `invalid_scope`.
    pub fn authorize<S: Into<String>>(
        &self,
        code_challenge: &str,
        scopes: impl IntoIterator<Item = S>,
        redirect_uri: &str,
    ) -> String {
        let scopes = scopes.into_iter().map(Into::into).collect();
        let user = self.state.oauth.owner.clone();
        self.state.oauth.authorize(user, code_challenge, scopes, redirect_uri, None)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.port.close();
        self.connections.abort();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
