//! `canva login`: an integration, a browser that goes to Canva and comes back, and a login that is kept.

mod integration;
pub mod kept;
mod keyring;
mod prompt;
mod redirect;
pub mod source;
pub mod status;

use std::io::{self, BufRead};
use std::thread;
use std::time::{Duration, SystemTime};

use canva_connect::auth::{Login as Begun, MemoryStore, OAuth, OAuthError, TokenStore};
use canva_connect::{Client, TeamUserSummary, operations};
use tokio::sync::mpsc;

use self::integration::Endpoints;
use self::kept::{Login, Place};
use self::redirect::{Redirect, Visitor};
use crate::End;
use crate::args::login::Login as LoginArgs;
use crate::connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::screen::Screen;

/// How long a program that opens browsers may take to say that there is none.
const TO_OPEN: Duration = Duration::from_secs(3);

pub async fn run(args: LoginArgs, base_url: Option<String>, output: &mut Output) -> Result<(), End> {
    let screen = output.screen.clone();
    let endpoints = Endpoints::find(base_url)?;
    let place = Place::of(&endpoints.base_url)?;
    place.check().await?;
    // One that can't be read is about to be replaced.
    let last = place.read().await.ok().flatten().map(|kept| kept.login);
    let redirect = Redirect::listen(args.port).await?;
    let scopes: Vec<&str> = match args.scopes.as_slice() {
        [] => operations::scopes(operations::ALL).into_iter().collect(),
        scopes => scopes.iter().map(String::as_str).collect(),
    };
    let credentials = integration::credentials(&args, last, &scopes, &redirect.uri(), &screen).await?;
    let integration = endpoints.integration(&credentials, &redirect.uri())?;
    let begun = integration.authorize(&scopes).map_err(|error| io::Error::other(error.report()))?;

    let arrived = tokio::time::timeout(args.timeout, arrival(&begun, &redirect, args.no_browser, &screen)).await;
    let (query, visitor) = arrived.map_err(|_| {
        let seconds = args.timeout.as_secs();
        End::logged_out(format!("the browser did not come back within {seconds} s; run `canva login` again"))
    })?;
    let logged_in = async {
        let tokens = MemoryStore::new();
        let oauth = OAuth::new(integration, tokens.clone());
        oauth.finish(&begun, &query).await.map_err(|error| refused(&error, credentials.earlier))?;
        let canva = connection::client().base_url(&endpoints.base_url).token_provider(oauth).build();
        let canva = canva.map_err(connection::unusable)?;
        let user = user(&canva).await;
        let (user, display_name) = user.map_err(|error| {
            End::logged_out(format!("Canva did not say who logged in: {}", Failure::new(&error, None).message))
        })?;
        let tokens = tokens.load().await.ok().flatten();
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let login = Login {
            base_url: endpoints.base_url.clone(),
            token_url: endpoints.token_url.clone(),
            client_id: credentials.client_id,
            client_secret: credentials.client_secret,
            user_id: user.user_id,
            team_id: user.team_id,
            display_name,
            logged_in_at: since_epoch.as_secs(),
            tokens: tokens.ok_or_else(|| io::Error::other("the tokens of the login are lost"))?,
        };
        place.keep(login).await
    };
    let kept = logged_in.await;
    if let Some(visitor) = visitor {
        visitor.show(if kept.is_ok() { DONE } else { FAILED }).await;
    }
    let kept = kept?;
    status::print(&kept, output)?;
    screen.note(
        "logged in; the commands renew the tokens by themselves, `canva status` says who is logged in, and `canva logout` \
         ends the login",
    );
    let granted = kept.login.tokens.scopes.unwrap_or_default();
    let missing: Vec<&str> = scopes.into_iter().filter(|scope| !granted.iter().any(|it| it == scope)).collect();
    if !missing.is_empty() {
        screen.note(&format!("Canva has not granted {}; commands that need it will say so", missing.join(" ")));
    }
    if let Some(source) = source::Source::find().await?.instead_of_login() {
        screen.say(&format!("{source} is set, and goes before the login; unset it to use the login"));
    }
    Ok(())
}

const DONE: &str = "You are logged in. You can close this page.";
const FAILED: &str = "You are not logged in. You can close this page: the terminal says why.";

/// What the browser brought back, and the browser. Without one, the user has pasted the address.
async fn arrival(begun: &Begun, redirect: &Redirect, no_browser: bool, screen: &Screen) -> (String, Option<Visitor>) {
    let (paste, mut pasted) = mpsc::channel(1);
    if no_browser {
        screen.ask(&format!("Open this address in a browser:\n\n  {}\n\n", begun.url));
        ask_for_paste(paste, screen);
    } else {
        screen.ask(&format!("Opening the browser. If none opens, open this address:\n\n  {}\n\n", begun.url));
        let (url, screen) = (begun.url.clone(), screen.clone());
        thread::spawn(move || {
            if let Err(_none) = open::that_detached_with_timeout(url, TO_OPEN) {
                screen.say("no browser opens here; open the address yourself");
                ask_for_paste(paste, &screen);
            }
        });
    }
    tokio::select! {
        visitor = redirect.visitor() => (visitor.redirect.clone(), Some(visitor)),
        Some(line) = pasted.recv() => (line, None),
    }
}

/// The browser may run on a machine that can't reach this one.
fn ask_for_paste(paste: mpsc::Sender<String>, screen: &Screen) {
    screen.ask(
        "If the browser then can't show a page of 127.0.0.1, copy its address from there, paste it here and press Enter.\n",
    );
    // It ends with the process: nothing else reads standard input any more.
    thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if paste.blocking_send(line.trim().to_owned()).is_err() {
                return;
            }
        }
    });
}

async fn user(canva: &Client) -> Result<(TeamUserSummary, Option<String>), canva_connect::Error> {
    let user = canva.users_me().await?;
    // The name is for people alone, and needs a scope.
    let name = canva.get_user_profile().await.ok().and_then(|profile| profile.display_name);
    Ok((user, name))
}

/// Why there is no login, and what to do.
fn refused(error: &OAuthError, earlier: bool) -> End {
    let message = match error {
        OAuthError::StateMismatch => {
            "what came back belongs to another login; run `canva login` again, and use its own address".to_owned()
        }
        OAuthError::Denied { error: code, .. } if code == "access_denied" => {
            "access was denied in the browser; run `canva login` again to allow it".to_owned()
        }
        OAuthError::Denied { .. } => format!(
            "{}; check that the integration has the scopes and the redirect URL, or ask for less with --scopes",
            error.report()
        ),
        OAuthError::Refused { .. } if earlier => format!(
            "Canva refused the integration: {}; if its secret has changed, run `canva logout`, and `canva login` asks for it",
            error.report()
        ),
        OAuthError::Refused { .. } => format!("Canva refused the integration: {}", error.report()),
        OAuthError::Unreachable { .. } => {
            format!("{}; check the network, then run `canva login` again", error.report())
        }
        _ => format!("{}; run `canva login` again", error.report()),
    };
    End::logged_out(message)
}
