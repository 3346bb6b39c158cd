//! The client for Canva or a simulator, from the arguments, the environment and the login.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::auth::OAuth;
use canva_connect::{BASE_URL, Client, ClientBuilder, Error, PollPolicy};
use canva_simulator::Simulator;
use tempfile::TempDir;

use crate::End;
use crate::account::Account;
use crate::args::Server;
use crate::begun::Noted;
use crate::limits;
use crate::login::kept::{Kept, Place};
use crate::login::source::Source;
use crate::screen::Screen;

/// What a command talks to.
pub struct Connection {
    pub canva: Client,
    pub account: Account,
    /// Where the token comes from.
    pub source: &'static str,
    /// The login that the token is of, if nothing goes before it.
    pub login: Option<Arc<Kept>>,
    /// With `--simulate`. It stops when this is dropped, and what is kept for it is deleted.
    simulator: Option<(Simulator, TempDir)>,
}

impl Connection {
    /// Where to keep what is of no use after this command.
    pub fn scratch(&self) -> Option<&Path> {
        self.simulator.as_ref().map(|(_, directory)| directory.path())
    }

    /// Waits until new tokens are saved, before the process ends.
    pub async fn settled(&self) {
        if let Some(login) = &self.login {
            login.settled().await;
        }
    }
}

/// Connects, with how long Canva may work on a file.
pub async fn open(server: Server, timeout: Option<Duration>, screen: &Screen) -> Result<Connection, End> {
    let mut builder = client();
    let (account, simulator, login, redis, source);
    if server.simulate {
        let started = Simulator::start().await?;
        account = Account::of_token(started.base_url(), started.token());
        builder = builder.base_url(started.base_url()).token(started.token());
        simulator = Some((started, tempfile::tempdir()?));
        (login, redis, source) = (None, None, "the simulator");
    } else {
        let base_url = base_url(server.base_url)?;
        let found = Source::find().await?;
        source = found.name();
        (account, login, builder) = match found {
            Source::Variable(token) => {
                (Account::of_token(&base_url, token.expose()), None, builder.token_provider(token))
            }
            Source::File(file) => {
                (Account::of_token(&base_url, file.token().expose()), None, builder.token_provider(file))
            }
            Source::Login => {
                let kept = Arc::new(login_at(&base_url).await?);
                let oauth = OAuth::new(kept.login.integration()?, kept.clone());
                (kept.login.account(), Some(kept), builder.token_provider(oauth))
            }
        };
        builder = builder.base_url(base_url);
        (simulator, redis) = (None, server.share_limits.or(variable("CANVA_SHARE_LIMITS")?));
    }
    let (pacer, waits) = limits::open(&account, redis, simulator.is_some(), screen).await?;
    builder = builder.pacer(Noted(pacer));
    screen.watch(move || waits.next());
    if let Some(timeout) = timeout {
        builder = builder.poll_policy(PollPolicy::default().deadline(timeout));
    }
    let canva = builder.build().map_err(unusable)?;
    Ok(Connection { canva, account, source, login, simulator })
}

/// A client of this command.
pub fn client() -> ClientBuilder {
    Client::builder().user_agent(concat!("canva-cli/", env!("CARGO_PKG_VERSION")))
}

/// Why no client can be made.
pub fn unusable(error: Error) -> End {
    match error {
        Error::InvalidInput { field: "base_url", found, .. } => End::usage(format!(
            "the base URL must be like {BASE_URL}, with https:// unless it is on this machine, got {found}; change \
             --base-url or CANVA_BASE_URL"
        )),
        error => End::usage(error.report()),
    }
}

/// The base URL, without the slash that may end it.
pub fn base_url(option: Option<String>) -> Result<String, End> {
    let base_url = option.map_or_else(|| variable("CANVA_BASE_URL"), |url| Ok(Some(url)))?;
    Ok(base_url.map_or_else(|| BASE_URL.to_owned(), |url| url.trim_end_matches('/').to_owned()))
}

/// The login at this base URL.
pub async fn login_at(base_url: &str) -> Result<Kept, End> {
    Place::of(base_url)?.read().await?.ok_or_else(|| {
        let there = if base_url == BASE_URL { String::new() } else { format!(" for {base_url}") };
        let message = format!(
            "no access token{there}; run `canva login`, set CANVA_ACCESS_TOKEN to the token of a Canva user, or add \
             --simulate to try the command without an account"
        );
        End::logged_out(message)
    })
}

/// An environment variable; an empty one counts as not set.
pub fn variable(name: &str) -> Result<Option<String>, End> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(End::usage(format!("{name} is not valid UTF-8; set it again"))),
    }
}
