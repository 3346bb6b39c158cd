//! The progress of each file, kept in Redis: the next worker with its task goes on from there.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use apalis::prelude::BoxDynError;
use canva_connect::JobReference;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Script};
use serde::{Deserialize, Serialize};

/// A file of a user: the task in the queue, and the key of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    pub user: String,
    pub path: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A worker has begun. Canva can't have the whole file yet.
    Claimed { by: String },
    /// The last block may have left.
    Sent { by: String },
    /// Canva has the file and processes it.
    Job(JobReference),
    /// The asset's id.
    Done(String),
    /// Why Canva refused it.
    Failed(String),
    /// It may be in Canva: look there before putting it again.
    Unknown,
}

/// One file's line.
#[derive(Clone)]
pub struct Ledger {
    redis: ConnectionManager,
    key: String,
}

impl Ledger {
    pub fn of(redis: &ConnectionManager, upload: &Upload) -> Self {
        Self { redis: redis.clone(), key: format!("fleet:{}:{}", upload.user, upload.path.display()) }
    }

    pub async fn read(&self) -> Result<Option<State>, BoxDynError> {
        let json: Option<String> = self.redis.clone().get(&self.key).await?;
        Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
    }

    pub async fn write(&self, state: &State) -> Result<(), BoxDynError> {
        Ok(self.redis.clone().set(&self.key, serde_json::to_string(state)?).await?)
    }

    /// Writes the next state if the state hasn't changed; otherwise another worker has the task now.
    pub async fn change(&self, seen: Option<&State>, next: &State) -> Result<(), BoxDynError> {
        let script = Script::new(
            "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
             redis.call('SET', KEYS[1], ARGV[2])
             return 1",
        );
        let seen = seen.map(serde_json::to_string).transpose()?.unwrap_or_default();
        let mut call = script.key(&self.key);
        call.arg(seen).arg(serde_json::to_string(next)?);
        let changed: bool = call.invoke_async(&mut self.redis.clone()).await?;
        if changed { Ok(()) } else { Err("another worker has the file, too".into()) }
    }

    /// The right to send the file.
    pub async fn claim(&self, seen: Option<State>) -> Result<Claim, BoxDynError> {
        let by = random_id();
        let (claimed, sent) = (State::Claimed { by: by.clone() }, State::Sent { by });
        self.change(seen.as_ref(), &claimed).await?;
        Ok(Claim { ledger: self.clone(), claimed, sent })
    }
}

/// An id that no other process has. Its randomness is the operating system's: `fastrand` begins with the time, which
/// can be the same in processes that start at once.
pub fn random_id() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

/// The right to send a file. It ends when another worker claims the file.
#[derive(Clone)]
pub struct Claim {
    ledger: Ledger,
    pub claimed: State,
    pub sent: State,
}

impl Claim {
    /// Changes the state from `claimed` or `sent`.
    pub async fn change(&self, next: &State) -> Result<(), BoxDynError> {
        match self.ledger.change(Some(&self.claimed), next).await {
            Err(_) => self.ledger.change(Some(&self.sent), next).await,
            changed => changed,
        }
    }
}
