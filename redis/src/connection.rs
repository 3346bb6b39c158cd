//! The connection to Redis that everything in a process shares.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisResult, ScriptInvocation};

use crate::encryption::EncryptionKey;
use crate::sync::lock;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a command may take. This includes opening a lost connection and a second attempt.
const DEADLINE: Duration = Duration::from_secs(2);

/// A Redis that several machines share. Clones use the same connection. It opens when it is first needed, and again
/// after a loss. It lives on the tokio runtime that needed it first; that runtime has to last as long as the `Redis`.
///
/// A command fails after at most 2 seconds.
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
    /// Takes `redis://USER:PASSWORD@HOST:PORT/DATABASE`, where only the host is required. `rediss://` is TLS, which
    /// needs the feature `tls`. `unix:///path/to/socket` is a socket. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`RedisError::Url`] for any other URL.
    pub fn open(url: &str) -> Result<Self, RedisError> {
        let info = url.into_connection_info().map_err(|source| RedisError::Url { source: Arc::new(source) })?;
        let tcp = TcpSettings::default().set_nodelay(true);
        // If the network drops everything, a connection counts as lost after this, not after a quarter of an hour.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let tcp = tcp.set_user_timeout(2 * DEADLINE);
        let client = redis::Client::open(info.set_tcp_settings(tcp))
            .map_err(|source| RedisError::Url { source: Arc::new(source) })?;
        Ok(Self { client, manager: Arc::default(), prefix: "canva-connect".into(), encryption_keys: Arc::default() })
    }

    /// What every key begins with. Default `canva-connect`. Integrations that share a Redis need different prefixes.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Encrypts tokens with the first of these keys. The others decrypt what was encrypted before. To change the key,
    /// first give all processes the new key as the second. Then put it first. Drop the old key when each user's
    /// tokens have been saved again, which happens every four hours in use. Default: nothing is encrypted.
    #[must_use]
    pub fn encryption_keys(mut self, keys: impl IntoIterator<Item = EncryptionKey>) -> Self {
        self.encryption_keys = keys.into_iter().collect();
        self
    }

    /// The name of a key: the prefix, `kind` and, in braces, `name`. A cluster keeps keys with the same braces
    /// together.
    pub(crate) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{{{name}}}", self.prefix)
    }

    /// What [`encryption_keys`](Self::encryption_keys) was given.
    pub(crate) fn given_encryption_keys(&self) -> &[EncryptionKey] {
        &self.encryption_keys
    }

    /// Runs a script about this key, within two seconds. It may run twice if the connection is lost meanwhile.
    pub(crate) async fn run<T>(&self, script: &ScriptInvocation<'_>, key: &str) -> Result<T, RedisError>
    where
        T: FromRedisValue + Send,
    {
        let away = |source: Arc<dyn Error + Send + Sync>| RedisError::Away { redis: self.address(), source };
        let attempts = async {
            let mut connection = self.manager()?;
            match script.invoke_async(&mut connection).await {
                // The manager may have failed to connect some time ago. It tries again now; the next attempt waits
                // for it.
                Err(error) if error.is_io_error() => script.invoke_async(&mut connection).await,
                result => result,
            }
        };
        match tokio::time::timeout(DEADLINE, attempts).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if error.is_io_error() => Err(away(Arc::new(error))),
            // Its own words quote the reply, which can be a token.
            Ok(Err(error)) if error.kind() == ErrorKind::Parse => Err(self.misunderstood(key, "another reply")),
            Ok(Err(error)) => {
                // It is a replica now. The address may lead to another server, so the next call opens a connection.
                // In a script's error, Redis 6 says so only in the text.
                if error.code() == Some("READONLY") || error.to_string().contains("READONLY") {
                    *lock(&self.manager) = None;
                }
                Err(self.refused(key, Arc::new(error)))
            }
            Err(_) => {
                // A reply that never ends would be read on and on.
                *lock(&self.manager) = None;
                Err(away(Arc::new(io::Error::from(io::ErrorKind::TimedOut))))
            }
        }
    }

    fn refused(&self, key: &str, source: Arc<dyn Error + Send + Sync>) -> RedisError {
        RedisError::Refused { redis: self.address(), key: key.to_owned(), source }
    }

    /// The error for a reply that a script never gives.
    pub(crate) fn misunderstood(&self, key: &str, reply: impl fmt::Display) -> RedisError {
        let text = format!("expected a reply of this package's script, got {reply}: check that this is a Redis");
        self.refused(key, Arc::new(io::Error::other(text)))
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

    /// Its URL, without user and password.
    pub(crate) fn address(&self) -> String {
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

/// Redis can't be used. The error contains neither user nor password.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// This isn't a URL of Redis.
    #[error("expected redis://HOST:PORT/DATABASE, rediss:// for TLS (with the feature `tls`) or unix:///PATH")]
    #[non_exhaustive]
    Url {
        /// What is wrong with it.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// No connection, or no response in time. The command may have been carried out.
    #[error("no response from {redis}: check that Redis runs there and can be reached")]
    #[non_exhaustive]
    Away {
        /// The URL of Redis, without user and password.
        redis: String,
        /// The cause.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// Redis refused a command: the user may not run it, the memory is full, or this is a replica. Or it answered what
    /// no Redis answers.
    #[error("{redis} refused a command on {key:?}: check its settings and the rights of the user in its URL")]
    #[non_exhaustive]
    Refused {
        /// The URL of Redis, without user and password.
        redis: String,
        /// The key, or what several keys begin with.
        key: String,
        /// Its error.
        source: Arc<dyn Error + Send + Sync>,
    },
}
