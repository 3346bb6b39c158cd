//! Where a command's access token comes from: the environment, a file that it names, or the login.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use canva_connect::{AccessToken, BoxError, BoxFuture, TokenProvider};

use crate::End;
use crate::connection::variable;

const TOKEN: &str = "CANVA_ACCESS_TOKEN";
const TOKEN_FILE: &str = "CANVA_ACCESS_TOKEN_FILE";

/// A token is far shorter, in bytes.
const MAX_LENGTH: u64 = 64 << 10;

/// The first of these that is there is used.
pub enum Source {
    Variable(AccessToken),
    File(TokenFile),
    Login,
}

impl Source {
    pub async fn find() -> Result<Self, End> {
        if let Some(token) = variable(TOKEN)? {
            let token = checked(token).map_err(|problem| End::usage(format!("{TOKEN} {problem}")))?;
            return Ok(Self::Variable(token));
        }
        let Some(path) = variable(TOKEN_FILE)? else { return Ok(Self::Login) };
        let path = PathBuf::from(path);
        let token = read(&path).await.map_err(|error| End::usage(format!("{TOKEN_FILE}: {error}")))?;
        Ok(Self::File(TokenFile { path, token: Mutex::new(token) }))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Variable(_) => TOKEN,
            Self::File(_) => TOKEN_FILE,
            Self::Login => "login",
        }
    }

    /// The variable that goes before a login, if one is set.
    pub fn instead_of_login(&self) -> Option<&'static str> {
        (!matches!(self, Self::Login)).then(|| self.name())
    }

    /// What to do if Canva takes the token no more.
    pub fn remedy() -> &'static str {
        if is_set(TOKEN) {
            "set CANVA_ACCESS_TOKEN to a new token"
        } else if is_set(TOKEN_FILE) {
            "have a new token written to the file of CANVA_ACCESS_TOKEN_FILE"
        } else {
            "run `canva login`"
        }
    }

    /// What to do if the token lacks these scopes.
    pub fn remedy_for_scopes(scopes: &[&str]) -> String {
        let scopes = scopes.join(" ");
        if is_set(TOKEN) || is_set(TOKEN_FILE) {
            return format!("use a token with the scope {scopes}");
        }
        format!("run `canva login`, which asks for the scope {scopes}; the integration must have it enabled")
    }
}

fn is_set(name: &str) -> bool {
    variable(name).is_ok_and(|value| value.is_some())
}

/// A token alone, or what is wrong with it. It is never shown.
fn checked(text: String) -> Result<AccessToken, &'static str> {
    let problem = if text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bearer")) {
        "begins with `Bearer`; set it to the token alone"
    } else if text.contains(['"', '\'']) {
        "has quotes in it; set it to the token alone"
    } else if text.contains(['\n', '\r']) {
        "has several lines; set it to the token alone"
    } else if text.contains(char::is_whitespace) {
        "has spaces in it; set it to the token alone"
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has characters that no token has; set it to the token alone"
    } else {
        return Ok(text.into());
    };
    Err(problem)
}

/// A file that another program writes tokens to. It is read again when Canva refuses one.
pub struct TokenFile {
    path: PathBuf,
    token: Mutex<AccessToken>,
}

impl TokenFile {
    pub fn token(&self) -> AccessToken {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads it on a thread of its own: it may be a pipe, to which nobody writes.
async fn read(path: &Path) -> io::Result<AccessToken> {
    let about = |problem: &dyn Display| io::Error::other(format!("{}: {problem}", path.display()));
    let file = path.to_owned();
    let text = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        File::open(file)?.take(MAX_LENGTH + 1).read_to_string(&mut text).map(|_| text)
    });
    let text = text.await.map_err(io::Error::other)?;
    let text = text.map_err(|error| about(&format!("{error}; name a file that has a token")))?;
    match text.trim() {
        _ if text.len() as u64 > MAX_LENGTH => Err(about(&"the file is too long; name one that has a token alone")),
        "" => Err(about(&"the file is empty; write a token to it")),
        text => checked(text.to_owned()).map_err(|problem| about(&format!("what is in the file {problem}"))),
    }
}

impl TokenProvider for TokenFile {
    fn token(&self) -> BoxFuture<'_, Result<AccessToken, BoxError>> {
        Box::pin(async { Ok(self.token()) })
    }

    fn refused<'a>(&'a self, refused: &'a AccessToken) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move {
            let token = read(&self.path).await?;
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
            Ok(token != *refused)
        })
    }
}
