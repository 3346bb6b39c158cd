//! `canva status` and `canva logout`: who is logged in, and the end of it.

use std::sync::Arc;
use std::time::SystemTime;

use canva_connect::auth::OAuth;
use serde_json::json;

use super::kept::{Kept, Place};
use super::source::Source;
use crate::End;
use crate::args::Server;
use crate::connection::{Connection, base_url, login_at};
use crate::item::{Item, Outcome, Subject};
use crate::output::{Output, rows};

/// Prints whose token the commands use, once Canva has said that it works.
pub async fn status(connection: &Connection, output: &mut Output) -> Result<(), End> {
    let (user, name) = match super::user(&connection.canva).await {
        Ok(user) => user,
        Err(error) => {
            let subject = Subject::User { command: "status" };
            output.item(&Item { subject, outcome: Outcome::failed(None, &error) });
            return Ok(());
        }
    };
    match &connection.login {
        Some(kept) => print(kept, output),
        None => {
            let json = json!({
                "status": "success",
                "token_from": connection.source,
                "user_id": user.user_id,
                "team_id": user.team_id,
                "display_name": name,
            });
            let name = name.map(|name| ("name", name));
            let rest = [("user", user.user_id), ("team", user.team_id), ("token", connection.source.to_owned())];
            Ok(output.print(&json, rows("", name.into_iter().chain(rest)))?)
        }
    }
}

/// Prints the login.
pub fn print(kept: &Kept, output: &Output) -> Result<(), End> {
    let login = kept.login();
    let until = humantime::format_rfc3339_seconds(login.tokens.expires_at).to_string();
    let json = json!({
        "status": "success",
        "token_from": "login",
        "user_id": login.user_id,
        "team_id": login.team_id,
        "display_name": login.display_name,
        "base_url": login.base_url,
        "client_id": login.client_id,
        "scopes": login.tokens.scopes,
        "expires_at": login.tokens.expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
        "stored": kept.place(),
    });
    let name = login.display_name.map(|name| ("name", name));
    let rest = [
        ("user", login.user_id),
        ("team", login.team_id),
        ("scopes", login.tokens.scopes.unwrap_or_default().join(" ")),
        ("token", format!("of the login, until {until}, then it is renewed")),
        ("stored", kept.place()),
    ];
    Ok(output.print(&json, rows("", name.into_iter().chain(rest)))?)
}

/// Ends the login at Canva, and forgets it here whatever Canva says.
pub async fn logout(server: Server, output: &mut Output) -> Result<(), End> {
    let base_url = base_url(server.base_url)?;
    let place = Place::of(&base_url)?;
    let revoked = match login_at(&base_url).await {
        Ok(kept) => {
            let integration = kept.login.integration()?;
            OAuth::new(integration, Arc::new(kept)).log_out().await.map_err(|error| error.report())
        }
        // Without its key, it can still be forgotten.
        Err(end) if place.is_sealed() => Err(end.message),
        Err(end) => return Err(end),
    };
    place.forget().await?;
    if let Some(variable) = Source::find().await?.instead_of_login() {
        output.screen.note(&format!("{variable} is set, and the commands still use it"));
    }
    match revoked {
        Ok(()) => Ok(output.print(&json!({ "status": "success" }), "logged out\n".to_owned())?),
        Err(problem) => Err(std::io::Error::other(format!(
            "the login is forgotten here, but Canva has not confirmed the end of its tokens: {problem}"
        ))
        .into()),
    }
}
