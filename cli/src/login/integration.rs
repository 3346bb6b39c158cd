//! The integration that a login goes through: which server it is at, and its client id and secret.

use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use canva_connect::BASE_URL;
use canva_connect::auth::Integration;
use canva_connect::operations::{AUTHORIZATION_URL, TOKEN_URL};
use tokio::task::spawn_blocking;

use super::kept::Login;
use super::prompt;
use crate::End;
use crate::args::login::Login as LoginArgs;
use crate::connection::{self, variable};
use crate::screen::Screen;

/// Canva's, or those of a simulator.
pub struct Endpoints {
    pub base_url: String,
    pub token_url: String,
    authorization_url: String,
}

impl Endpoints {
    /// All three or none: a client's secret and a user's tokens go to no other server than the one they are of.
    pub fn find(base_url: Option<String>) -> Result<Self, End> {
        let base_url = Some(connection::base_url(base_url)?).filter(|url| url != BASE_URL);
        let (authorization_url, token_url) = (variable("CANVA_AUTHORIZATION_URL")?, variable("CANVA_TOKEN_URL")?);
        match (base_url, authorization_url, token_url) {
            (Some(base_url), Some(authorization_url), Some(token_url)) => Ok(Self { base_url, token_url, authorization_url }),
            (None, None, None) => Ok(Self {
                base_url: BASE_URL.to_owned(),
                token_url: TOKEN_URL.to_owned(),
                authorization_url: AUTHORIZATION_URL.to_owned(),
            }),
            _ => Err(End::usage(
                "a login at another server than Canva's needs CANVA_BASE_URL, CANVA_AUTHORIZATION_URL and CANVA_TOKEN_URL; \
                 set all three, as `canva simulate` prints them, or none"
                    .to_owned(),
            )),
        }
    }

    pub fn integration(&self, credentials: &Credentials, redirect_uri: &str) -> Result<Integration, End> {
        let Credentials { client_id, client_secret, .. } = credentials;
        let builder = Integration::builder(client_id, client_secret, redirect_uri);
        let builder = builder.authorization_url(&self.authorization_url).token_url(&self.token_url);
        builder.build().map_err(connection::unusable)
    }
}

pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
    /// The secret is that of an earlier login.
    pub earlier: bool,
}

/// The client id and secret: as given, as before, or as the user enters them.
pub async fn credentials(
    args: &LoginArgs,
    last: Option<Login>,
    scopes: &[&str],
    redirect_uri: &str,
    screen: &Screen,
) -> Result<Credentials, End> {
    let given_id = args.client_id.clone().map_or_else(|| variable("CANVA_CLIENT_ID"), |id| Ok(Some(id)))?;
    let given_secret = match &args.client_secret_file {
        Some(file) => Some(secret_of(file.clone()).await?),
        None => variable("CANVA_CLIENT_SECRET")?,
    };
    let last = last.filter(|last| given_id.as_ref().is_none_or(|id| *id == last.client_id));
    let (last_id, last_secret) = last.map(|last| (last.client_id, last.client_secret)).unzip();
    let (client_id, client_secret) = (given_id.or(last_id), given_secret.clone().or(last_secret));
    let earlier = given_secret.is_none();
    if let (Some(client_id), Some(client_secret)) = (&client_id, &client_secret) {
        return Ok(Credentials { client_id: client_id.clone(), client_secret: client_secret.clone(), earlier });
    }
    if !io::stdin().is_terminal() {
        return Err(End::usage(
            "no client id and secret, and no terminal to ask on; set CANVA_CLIENT_ID and CANVA_CLIENT_SECRET, or give \
             --client-id and --client-secret-file"
                .to_owned(),
        ));
    }
    screen.ask(&guide(scopes, redirect_uri));
    let client_id = match client_id {
        Some(id) => id,
        None => prompt::shown("Client ID", screen).await?,
    };
    let client_secret = match client_secret {
        Some(secret) => secret,
        None => prompt::hidden("Client secret", screen).await?,
    };
    Ok(Credentials { client_id, client_secret, earlier: false })
}

fn guide(scopes: &[&str], redirect_uri: &str) -> String {
    format!(
        "canva works through an integration of yours. Make it once, at https://www.canva.com/developers/integrations:\n  \
         1. Create an integration. Canva asks for multi-factor authentication first.\n  \
         2. Copy its client ID, and generate and copy its client secret.\n  \
         3. Under Scopes, enable {}.\n  \
         4. Under Authentication, add the redirect URL {redirect_uri}\n\n",
        scopes.join(", ")
    )
}

async fn secret_of(file: PathBuf) -> Result<String, End> {
    let option = format!("--client-secret-file {}", file.display());
    let about = |problem: &dyn Display| End::usage(format!("{option}: {problem}"));
    let read = spawn_blocking(move || match file.to_str() {
        Some("-") => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(file),
    });
    let text = read.await.map_err(io::Error::other)?;
    let text = text.map_err(|error| about(&format!("{error}; name a file that has the client secret")))?;
    match text.trim() {
        "" => Err(about(&"it is empty; write the client secret to it")),
        secret => Ok(secret.to_owned()),
    }
}
