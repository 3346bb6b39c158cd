//! The client for Canva or a simulator, from the arguments and the environment.

use std::env;
use std::io;
use std::path::Path;
use std::time::Duration;

use canva_connect::{BASE_URL, Client, Error, PollPolicy};
use canva_simulator::Simulator;
use tempfile::TempDir;

use crate::End;
use crate::account::Account;
use crate::args::Server;
use crate::begun::Noted;
use crate::limits;
use crate::screen::Screen;

const NO_TOKEN: &str = "no access token: set CANVA_ACCESS_TOKEN to the token of a Canva user, or add --simulate to try \
                        the command without an account";

/// What a command talks to.
pub struct Connection {
    pub canva: Client,
    pub account: Account,
    /// With `--simulate`. It stops when this is dropped, and what is kept for it is deleted.
    simulator: Option<(Simulator, TempDir)>,
}

impl Connection {
    /// Where to keep what is of no use after this command.
    pub fn scratch(&self) -> Option<&Path> {
        self.simulator.as_ref().map(|(_, directory)| directory.path())
    }
}

/// Connects, with how long Canva may work on a file.
pub async fn open(server: Server, timeout: Option<Duration>, screen: &Screen) -> Result<Connection, End> {
    let simulator = if server.simulate { Some(Simulator::start().await?) } else { None };
    let (token, base_url, redis) = match &simulator {
        Some(simulator) => (simulator.token().to_owned(), Some(simulator.base_url().to_owned()), None),
        None => {
            let token = variable("CANVA_ACCESS_TOKEN")?.ok_or_else(|| End::logged_out(NO_TOKEN.to_owned()))?;
            let redis = server.share_limits.or(variable("CANVA_SHARE_LIMITS")?);
            (token, server.base_url.or(variable("CANVA_BASE_URL")?), redis)
        }
    };
    let account = Account::of_token(base_url.as_deref().unwrap_or(BASE_URL), &token);
    let mut builder = Client::builder().user_agent(concat!("canva-cli/", env!("CARGO_PKG_VERSION")));
    let simulator = simulator.map(|simulator| Ok::<_, io::Error>((simulator, tempfile::tempdir()?))).transpose()?;
    let (pacer, waits) = limits::open(&account, redis, simulator.is_some(), screen).await?;
    builder = builder.pacer(Noted(pacer));
    screen.watch(move || waits.next());
    if let Some(timeout) = timeout {
        builder = builder.poll_policy(PollPolicy::default().deadline(timeout));
    }
    if let Some(base_url) = base_url {
        builder = builder.base_url(base_url);
    }
    let canva = builder.token(token).build().map_err(|error| match error {
        Error::InvalidInput { field: "base_url", found, .. } => End::usage(format!(
            "the base URL must be like {BASE_URL}, with https:// unless it is on this machine, got {found}; change \
             --base-url or CANVA_BASE_URL"
        )),
        error => End::usage(error.report()),
    })?;
    Ok(Connection { canva, account, simulator })
}

/// An environment variable; an empty one counts as not set.
fn variable(name: &str) -> Result<Option<String>, End> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(End::usage(format!("{name} is not valid UTF-8; set it again"))),
    }
}
