//! The consent page as a browser shows it. It has no script, and whatever comes from a request is escaped.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("consent.css");

/// Asks the user. The form goes to the page's own URL, whose query says what is asked.
pub fn question(client_id: &str, user_id: &str, scopes: &[String], back: &str) -> Response {
    let [client, user, back] = [client_id, user_id, back].map(escape);
    let scopes = scopes.iter().map(|scope| {
        let code = escape(scope);
        let words = in_words(scope).unwrap_or("Something that this simulator has no words for");
        format!("<li>{words} <code>{code}</code></li>\n")
    });
    let scopes: String = scopes.collect();
    let main = format!(
        r#"<h1>Let {client} use your Canva account?</h1>
<p class="quiet">This is a simulator. There is no real account behind it.</p>
<form method="post">
<label for="user">Your user id</label>
<input id="user" name="user" value="{user}" maxlength="200" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="users">
<p class="quiet" id="users">Any will do. Each user has a library of their own.</p>
<h2>{client} could then</h2>
<ul>
{scopes}</ul>
<p>Both answers lead back to<br><code>{back}</code></p>
<div class="answers">
<button class="allow" name="answer" value="allow">Allow</button>
<button name="answer" value="deny">Deny</button>
</div>
</form>"#
    );
    page(StatusCode::OK, &format!("Let {client} in?"), &main)
}

/// Says what is wrong with the request.
pub fn refusal(status: StatusCode, message: &str) -> Response {
    let main = format!(
        r#"<h1>This can't be consented to</h1>
<p>{}</p>
<p class="quiet">The integration was told nothing. Mend what it sends, and log in again from there.</p>"#,
        escape(message)
    );
    page(status, "This can't be consented to", &main)
}

fn page(status: StatusCode, title: &str, main: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title} – Canva simulator</title>
<style>{STYLE}</style>
<main>
{main}
</main>
</html>
"#
    );
    // Without form-action: Chromium applies it to wherever the answer leads, and the integration may lead further.
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; frame-ancestors 'none'",
        STANDARD.encode(Sha256::digest(STYLE))
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &policy),
        (header::CACHE_CONTROL, "no-store"),
        // With no-referrer, a browser would hide the Origin of the page's own form.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, html).into_response()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What a scope allows.
fn in_words(scope: &str) -> Option<&'static str> {
    Some(match scope {
        "asset:read" => "See your uploads: names, tags and thumbnails",
        "asset:write" => "Upload images and videos for you, and change or delete your uploads",
        "brandtemplate:content:read" => "Read which fields your brand templates have",
        "brandtemplate:content:write" => "Change what is in your brand templates",
        "brandtemplate:meta:read" => "See your brand templates: titles and thumbnails",
        "collaboration:event" => "Hear of comments, shares and other events around your designs",
        "comment:read" => "Read comments on your designs",
        "comment:write" => "Comment on designs and reply for you",
        "design:content:read" => "Read what is in your designs, and export them",
        "design:content:write" => "Make designs for you, also from files, and change what is in them",
        "design:meta:read" => "See your designs: titles, links and thumbnails",
        "email" => "See your email address",
        "folder:permission:write" => "Change who can use your folders",
        "folder:read" => "See your folders and what is in them",
        "folder:write" => "Make, rename, move and delete your folders, and move what is in them",
        "openid" => "Recognise you when you log in again",
        "profile" => "See your name and picture, as part of a login",
        "profile:read" => "See your name and which features your account has",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use canva_connect::operations::SCOPES;

    use super::*;

    #[test]
    fn every_scope_of_canva_is_said_in_words() {
        let missing: Vec<_> = SCOPES.iter().filter(|scope| in_words(scope).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
