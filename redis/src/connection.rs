//! The connection to Redis that everything of a process shares.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisResult, ScriptInvocation};

use crate::encryption::EncryptionKey;
use crate::sync::lock;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a command may take, with the opening of a lost connection and its repetition.
const DEADLINE: Duration = Duration::from_secs(2);

/// A Redis that several machines share. Clones have the same connection, which is opened when it is first needed, and
/// again when it is lost. It lives on the tokio runtime that needed it first, which has to last as long as it does.
///
/// A command fails after 2 seconds at the latest.
///
/// ```
/// # fn main() -> Result<(), canva_connect_redis::RedisError> {
/// use canva_connect_redis::Redis;
///
/// let redis = Redis::open("redis://127.0.0.1:6379/0")?.prefix("my-service");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Redis {
    client: redis::Client,
    manager: Arc<Mutex<Option<ConnectionManager>>>,
    prefix: Arc<str>,
    encryption_keys: Arc<[EncryptionKey]>,
}

impl Redis {
    /// Takes `redis://USER:PASSWORD@HOST:PORT/DATABASE`; all but the host can be left out. `rediss://` is TLS, which
    /// needs the feature `tls`, and `unix:///path/to/socket` is a socket. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`RedisError::Url`] when it isn't such a URL.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        let info = url.into_connection_info().map_err(|source| RedisError::Url { source: Arc::new(source) })?;
        let tcp = TcpSettings::default().set_nodelay(true);
        // Where the network drops everything, a connection counts as lost after this, and not after a quarter of an
        // hour.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(2 * DEADLINE);
        let client = redis::Client::open(info.set_tcp_settings(tcp))
            .map_err(|source| RedisError::Url { source: Arc::new(source) })?;
        Ok(Self { client, manager: Arc::default(), prefix: "canva-connect".into(), encryption_keys: Arc::default() })
    }

    /// What every key begins with. Default `canva-connect`. Give each integration its own where several share a Redis.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Encrypts what is secret, with the first of these keys. The others are for what was encrypted before. To change
    /// the key, give all processes the new one as the second, then put it first, and drop the old one when every
    /// user's tokens have been saved again, as they are every four hours in use. Default: nothing is encrypted.
    #[must_use]
    pub fn encryption_keys(mut self, keys: impl IntoIterator<Item = EncryptionKey>) -> Self {
        self.encryption_keys = keys.into_iter().collect();
        self
    }

    /// Asks whether Redis is there.
    ///
    /// # Errors
    /// [`RedisError::Away`] or [`RedisError::Refused`].
    pub async fn ping(&self) -> Result<(), RedisError> {
        self.query(&redis::cmd("PING")).await
    }

    /// The name of a key: after the prefix `kind` and, in braces, `name`. A cluster keeps together what has the same
    /// text in braces.
    pub(crate) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{{{name}}}", self.prefix)
    }

    /// What [`encryption_keys`](Self::encryption_keys) was given.
    pub(crate) fn given_encryption_keys(&self) -> &[EncryptionKey] {
        &self.encryption_keys
    }

    /// Runs a script, within two seconds. It may run twice, if the connection is lost meanwhile.
    pub(crate) async fn run<T: FromRedisValue + Send>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        self.attempts(move |mut connection| async move { script.invoke_async(&mut connection).await }).await
    }

    /// Runs a command, within two seconds. It may run twice, if the connection is lost meanwhile.
    pub(crate) async fn query<T: FromRedisValue + Send>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.attempts(move |mut connection| async move { command.query_async(&mut connection).await }).await
    }

    async fn attempts<T: Send, F>(&self, attempt: impl Fn(ConnectionManager) -> F + Send) -> Result<T, RedisError>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let away = |source: Arc<dyn Error + Send + Sync>| RedisError::Away { redis: self.address(), source };
        let attempts = async {
            let connection = self.manager()?;
            match attempt(connection.clone()).await {
                // It may be that the manager couldn't connect some time ago. It tries again now, which the next
                // attempt waits for.
                Err(error) if error.is_io_error() => attempt(connection).await,
                result => result,
            }
        };
        match tokio::time::timeout(DEADLINE, attempts).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if error.is_io_error() => Err(away(Arc::new(error))),
            Ok(Err(error)) => {
                // It is a replica now. The address may lead to another server, which the next call connects to. Redis
                // 6 says it in the text of a script's error.
                if error.code() == Some("READONLY") || error.to_string().contains("READONLY") {
                    *lock(&self.manager) = None;
                }
                Err(RedisError::Refused { redis: self.address(), source: Arc::new(error) })
            }
            Err(_) => Err(away(Arc::new(io::Error::from(io::ErrorKind::TimedOut)))),
        }
    }

    fn manager(&self) -> RedisResult<ConnectionManager> {
        let mut manager = lock(&self.manager);
        if let Some(manager) = &*manager {
            return Ok(manager.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        let new = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        Ok(manager.insert(new).clone())
    }

    /// Where it is, without user and password.
    fn address(&self) -> String {
        let info = self.client.get_connection_info();
        let database = info.redis_settings().db();
        match info.addr() {
            ConnectionAddr::Unix(path) => format!("unix://{}", path.display()),
            ConnectionAddr::TcpTls { .. } => format!("rediss://{}/{database}", info.addr()),
            _ => format!("redis://{}/{database}", info.addr()),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("at", &self.address()).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Redis can't be used. No user and no password is in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// This is not the URL of a Redis.
    #[error(
        "expected the URL of a Redis: redis://HOST:PORT/DATABASE, rediss:// for TLS (with the feature `tls`) or unix:///PATH"
    )]
    #[non_exhaustive]
    Url {
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// No connection, or no response in time. Whether a command was carried out isn't known.
    #[error("no response from {redis}: check that Redis runs there and can be reached")]
    #[non_exhaustive]
    Away {
        /// Which Redis.
        redis: String,
        /// The cause.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// Redis refused a command: its user may not use it, it has no memory left, it is a replica.
    #[error("{redis} refused a command: check its settings, and what the user in its URL may do")]
    #[non_exhaustive]
    Refused {
        /// Which Redis.
        redis: String,
        /// What it said.
        source: Arc<dyn Error + Send + Sync>,
    },
}
