//! The progress of each file, kept in Redis: the next worker with its task goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use apalis::prelude::BoxDynError;
use canva_connect::{JobReference, Unconfirmed};
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
    /// The last block may have left. Its worker waits for the response, or is dead.
    Sent { by: String, unconfirmed: Unconfirmed },
    /// The response is lost, so Canva is asked whether it has the file.
    Lost { by: String, unconfirmed: Unconfirmed },
    /// Canva has the file and processes it.
    Job(JobReference),
    /// The asset's id.
    Done(String),
    /// Why Canva refused it.
    Failed(String),
    /// It may be in Canva, and why nobody can tell.
    Unknown(String),
}

/// One file's line.
#[derive(Clone)]
pub struct Ledger {
    redis: ConnectionManager,
    user: String,
    key: String,
}

impl Ledger {
    pub fn of(redis: &ConnectionManager, upload: &Upload) -> Self {
        let Upload { user, path } = upload;
        Self { redis: redis.clone(), user: user.clone(), key: format!("fleet:{user}:{}", path.display()) }
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
        let seen = seen.map(serde_json::to_string).transpose()?.unwrap_or_default();
        self.write_if("now == ARGV[1]", &seen, next).await
    }

    async fn write_if(&self, condition: &str, argument: &str, next: &State) -> Result<(), BoxDynError> {
        let script = Script::new(&format!(
            "local now = redis.call('GET', KEYS[1]) or ''
             if not ({condition}) then return 0 end
             redis.call('SET', KEYS[1], ARGV[2])
             return 1"
        ));
        let mut call = script.key(&self.key);
        call.arg(argument).arg(serde_json::to_string(next)?);
        let changed: bool = call.invoke_async(&mut self.redis.clone()).await?;
        if changed { Ok(()) } else { Err("another worker has the file, too".into()) }
    }

    /// The right to send the file.
    pub async fn claim(&self, seen: Option<State>) -> Result<Claim, BoxDynError> {
        let by = random_id();
        self.change(seen.as_ref(), &State::Claimed { by: by.clone() }).await?;
        Ok(Claim { ledger: self.clone(), by })
    }

    /// The states of the user's other files that were ever sent under this name.
    pub async fn others(&self, name: &str) -> Result<BTreeMap<String, State>, BoxDynError> {
        let mut redis = self.redis.clone();
        let mut keys: BTreeSet<String> = redis.smembers(self.sent_as(name)).await?;
        keys.remove(&self.key);
        let mut others = BTreeMap::new();
        for key in keys {
            let json: Option<String> = redis.get(&key).await?;
            if let Some(json) = json {
                others.insert(key, serde_json::from_str(&json)?);
            }
        }
        Ok(others)
    }

    /// The key of the files that were sent under this name: files of several folders can share one, and Canva's names
    /// are short.
    fn sent_as(&self, name: &str) -> String {
        format!("fleet:{}:name:{name}", self.user)
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
    by: String,
}

impl Claim {
    /// From now on, Canva may have the file.
    pub async fn sent(&self, unconfirmed: Unconfirmed) -> Result<(), BoxDynError> {
        // First, so that whoever finds the file in Canva finds it among the others of its name.
        let () = self.ledger.redis.clone().sadd(self.ledger.sent_as(&unconfirmed.name), &self.ledger.key).await?;
        self.change(&State::Sent { by: self.by.clone(), unconfirmed }).await
    }

    /// Canva can't have the file after all.
    pub async fn unsent(&self) -> Result<(), BoxDynError> {
        self.change(&State::Claimed { by: self.by.clone() }).await
    }

    /// Writes the next state if the state has this claim's id, which nothing else can have.
    pub async fn change(&self, next: &State) -> Result<(), BoxDynError> {
        self.ledger.write_if("string.find(now, ARGV[1], 1, true)", &self.by, next).await
    }
}
