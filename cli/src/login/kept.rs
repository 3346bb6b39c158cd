//! The login that is kept: one file for each base URL, sealed with a key in the keyring where there is one. Processes
//! share it, and refresh its tokens one after the other.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use canva_connect::auth::{FileStore, Integration, LoginRequired, StoreLock, TokenStore, Tokens};
use canva_connect::{BoxError, BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::keyring;
use crate::End;
use crate::account::{Account, is_this_machine};
use crate::connection::{unusable, variable};
use crate::state;

/// Names a file that isn't sealed: for CI, which has no keyring and keeps the file itself.
pub const FILE: &str = "CANVA_LOGIN_FILE";

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;

/// All that is needed to act for a user, at one base URL.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    pub base_url: String,
    pub token_url: String,
    pub client_id: String,
    pub client_secret: String,
    pub user_id: String,
    pub team_id: String,
    pub display_name: Option<String>,
    /// In seconds since the Unix epoch.
    pub logged_in_at: u64,
    pub tokens: Tokens,
}

impl Login {
    /// The name of what belongs to this user of this integration. A simulator forgets all when it ends.
    pub fn account(&self) -> Account {
        let login = is_this_machine(&self.base_url).then_some(self.logged_in_at);
        Account::of(&self.base_url, &json!([self.user_id, self.client_id, login]).to_string())
    }

    pub fn integration(&self) -> Result<Integration, End> {
        // The redirect URI counts at the beginning alone.
        let builder = Integration::builder(&self.client_id, &self.client_secret, "").token_url(&self.token_url);
        builder.build().map_err(unusable)
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.base_url, &self.client_id, &self.user_id) == (&other.base_url, &other.client_id, &other.user_id)
    }
}

/// Where the login of a base URL is kept, if there is one.
pub struct Place {
    base_url: String,
    path: PathBuf,
    /// The user has named the file, and reads it with other programs.
    named: bool,
}

impl Place {
    pub fn of(base_url: &str) -> Result<Self, End> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        if let Some(path) = variable(FILE)? {
            // A link stays, and what it leads to is replaced.
            let path = fs::canonicalize(&path).or_else(|_| std::path::absolute(&path))?;
            return Ok(Self { base_url, path, named: true });
        }
        let host = base_url.split_once("://").map_or(base_url.as_str(), |(_, rest)| rest).split('/').next();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let name: String = host.unwrap_or_default().chars().map(plain).collect();
        let directory = state::directory("login").map_err(|error| {
            End::logged_out(format!("there is no place for a login: {error}; name a file for it with {FILE}"))
        })?;
        Ok(Self { path: directory.join(name + ".json"), base_url, named: false })
    }

    /// The login that is there.
    pub async fn read(&self) -> Result<Option<Kept>, End> {
        let path = self.path.clone();
        let read = spawn_blocking(move || {
            let Some(text) = read(&path)? else { return Ok(None) };
            let key = if text.is_sealed() { Some(Key::get(&path)?) } else { None };
            let login = text.open(&path, key.as_ref())?;
            Ok(Some((login, key)))
        });
        let found = read.await.map_err(io::Error::other)?.map_err(|error: io::Error| {
            End::logged_out(format!("the login can't be read: {error}; `canva login` makes a new one"))
        })?;
        let Some((login, key)) = found else { return Ok(None) };
        if login.base_url != self.base_url {
            return Err(End::logged_out(format!(
                "the login in {} is for {}, and the base URL is {}; change --base-url or CANVA_BASE_URL, or log in there \
                 with `canva login`",
                self.path.display(),
                login.base_url,
                self.base_url,
            )));
        }
        Ok(Some(Kept { login, path: self.path.clone(), key, locked: Arc::default() }))
    }

    /// Fails if no login can be kept here, before there is one.
    pub async fn check(&self) -> Result<(), End> {
        if self.named {
            let problem = |error| End::usage(format!("{FILE}: {error}; remove the file, or name another"));
            read(&self.path).map_err(problem)?;
        }
        self.lock().await.map(drop)
    }

    /// Whether what is there can only be read with its key.
    pub fn is_sealed(&self) -> bool {
        read(&self.path).is_ok_and(|text| text.is_some_and(|text| text.is_sealed()))
    }

    /// Keeps a new login in place of the one that is there.
    pub async fn keep(&self, login: Login) -> Result<Kept, End> {
        let _lock = self.lock().await?;
        let (path, named) = (self.path.clone(), self.named);
        let kept = spawn_blocking(move || {
            // Without a keyring, the file's permissions have to do.
            let key = if named { None } else { Key::get(&path).or_else(|_| Key::make(&path)).ok() };
            let kept = Kept { login, path, key, locked: Arc::default() };
            kept.write(&kept.login)?;
            Ok::<_, io::Error>(kept)
        });
        Ok(kept.await.map_err(io::Error::other)??)
    }

    /// Forgets the login, and its key.
    pub async fn forget(&self) -> Result<(), End> {
        let _lock = self.lock().await?;
        let (path, sealed) = (self.path.clone(), self.is_sealed());
        let forgotten = spawn_blocking(move || {
            fs::remove_file(&path).map_err(|error| about(&path, &error))?;
            if sealed {
                // One that stays there opens nothing.
                let _ = keyring::remove(&name(&path));
            }
            Ok::<_, io::Error>(())
        });
        Ok(forgotten.await.map_err(io::Error::other)??)
    }

    async fn lock(&self) -> Result<StoreLock, End> {
        let locked = FileStore::new(&self.path).lock().await;
        locked.map_err(|error| End::usage(format!("the login can't be kept: {error}; make room for it, or set {FILE}")))
    }
}

/// A login and where it is kept: the store of its tokens.
pub struct Kept {
    /// As it was found. Its tokens may be older than those in the file.
    pub login: Login,
    path: PathBuf,
    key: Option<Key>,
    /// From before a refresh until its tokens are saved.
    locked: Arc<Mutex<()>>,
}

impl Kept {
    /// Where it is, for people.
    pub fn place(&self) -> String {
        let sealed = format!("sealed with a key in {}", keyring::NAME);
        let how = if self.key.is_some() { &sealed } else { "which only you can read" };
        format!("{}, {how}", self.path.display())
    }

    /// Waits until no refresh is running: one that is cut off loses the login.
    pub async fn settled(&self) {
        drop(self.locked.lock().await);
    }

    /// The login with the tokens that were saved last.
    pub fn login(&self) -> Login {
        let login = self.login.clone();
        match self.tokens() {
            Ok(tokens) => Login { tokens, ..login },
            Err(_) => login,
        }
    }

    /// The tokens by now: this process or another may have renewed them.
    fn tokens(&self) -> Result<Tokens, BoxError> {
        let Some(text) = read(&self.path)? else {
            return Err(LoginRequired::new("`canva logout` has ended the login").into());
        };
        let login = text.open(&self.path, self.key.as_ref())?;
        if !login.is_of(&self.login) {
            return Err(LoginRequired::new("another user has logged in since this command began").into());
        }
        Ok(login.tokens)
    }

    /// Replaces the file at once: a crash leaves the old one or the new one.
    fn write(&self, login: &Login) -> io::Result<()> {
        let text = Text::of(login, self.key.as_ref())?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let write = || {
            // Only its owner can read it.
            let mut new = tempfile::Builder::new().prefix(".login-").tempfile_in(directory)?;
            new.write_all(&serde_json::to_vec(&text)?)?;
            new.as_file().sync_all()?;
            new.persist(&self.path)?;
            // After a power cut the old tokens are useless, so the new name must be on the disk, too.
            #[cfg(unix)]
            let _ = fs::File::open(directory).and_then(|directory| directory.sync_all());
            Ok(())
        };
        write().map_err(|error: io::Error| about(&self.path, &error))
    }
}

impl TokenStore for Kept {
    fn load(&self) -> BoxFuture<'_, Result<Option<Tokens>, BoxError>> {
        Box::pin(async { self.tokens().map(Some) })
    }

    fn save<'a>(&'a self, tokens: &'a Tokens) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(self.write(&Login { tokens: tokens.clone(), ..self.login.clone() })?) })
    }

    fn lock(&self) -> BoxFuture<'_, Result<StoreLock, BoxError>> {
        Box::pin(async {
            let here = self.locked.clone().lock_owned().await;
            let file = FileStore::new(&self.path).lock().await?;
            Ok(StoreLock::new((here, file)))
        })
    }
}

/// What the file has.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    /// Base64 of a nonce and what it encrypts.
    Sealed {
        sealed: String,
    },
    Plain(Box<Login>),
}

impl Text {
    fn is_sealed(&self) -> bool {
        matches!(self, Self::Sealed { .. })
    }

    fn of(login: &Login, key: Option<&Key>) -> io::Result<Self> {
        let Some(key) = key else { return Ok(Self::Plain(login.clone().into())) };
        let mut text = serde_json::to_vec(login)?;
        let nonce = key.0.seal_in_place_append_tag(Aad::empty(), &mut text).map_err(io::Error::other)?;
        Ok(Self::Sealed { sealed: STANDARD.encode([&nonce.as_ref()[..], &text].concat()) })
    }

    fn open(self, path: &Path, key: Option<&Key>) -> io::Result<Login> {
        let sealed = match self {
            Self::Plain(login) => return Ok(*login),
            Self::Sealed { sealed } => sealed,
        };
        let opened = || {
            let mut sealed = STANDARD.decode(sealed).ok()?;
            let (nonce, text) = sealed.split_at_mut_checked(NONCE_LENGTH)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let text = key?.0.open_in_place(nonce, Aad::empty(), text).ok()?;
            serde_json::from_slice(text).ok()
        };
        opened().ok_or_else(|| about(path, &format!("the key in {} doesn't open it", keyring::NAME)))
    }
}

fn read(path: &Path) -> io::Result<Option<Text>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // The decoder's own message can quote a token.
        Ok(text) if text.trim_ascii().is_empty() => Ok(None),
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|_| about(path, &"it isn't what `canva login` writes"))
        }
        Err(error) => Err(about(path, &error)),
    }
}

fn about(path: &Path, problem: &dyn Display) -> io::Error {
    io::Error::other(format!("{}: {problem}", path.display()))
}

/// The name of the file's key in the keyring.
fn name(path: &Path) -> String {
    path.display().to_string()
}

/// What seals a file. The file changes with each refresh and the key never does, so a keyring that is locked later loses
/// no token. And not every keyring would hold the whole login: that of Windows takes 2560 bytes.
struct Key(RandomizedNonceKey);

impl Key {
    fn get(path: &Path) -> io::Result<Self> {
        let unusable =
            |problem: &dyn Display| about(path, &format!("it is sealed with a key in {}: {problem}", keyring::NAME));
        let found = keyring::get(&name(path)).map_err(|error| unusable(&error))?;
        let found = found.ok_or_else(|| unusable(&"it is locked, or has no such key; unlock it"))?;
        Self::from_text(&found).ok_or_else(|| unusable(&"it is no key"))
    }

    fn make(path: &Path) -> io::Result<Self> {
        let mut key = [0; KEY_LENGTH];
        aws_lc_rs::rand::fill(&mut key).map_err(io::Error::other)?;
        keyring::set(&name(path), &STANDARD.encode(key))?;
        // Not every keyring keeps what it takes.
        Self::get(path)
    }

    fn from_text(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok().map(Self)
    }
}
