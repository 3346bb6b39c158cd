//! What a worker does with a task. It may be killed at any point; then another worker gets the task, and the ledger
//! says what is safe. A file is sent again only if Canva can't have all of it.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use apalis::prelude::{Attempt, BoxDynError, Data};
use canva_connect::auth::{Integration, NoUser, OAuth};
use canva_connect::{Client, Error, JobResult, UploadBody};
use canva_connect_redis::Redis;
use redis::aio::ConnectionManager;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::bytes::Bytes;
use tokio_util::io::StreamReader;

use crate::ledger::{Claim, Ledger, State, Upload};
use crate::{rate_window, redis_url, setting};

/// What all tasks of a process share.
#[derive(Clone)]
pub struct Fleet {
    redis: Redis,
    ledger: ConnectionManager,
    canva: Client,
    integration: Integration,
    users: Arc<Mutex<HashMap<String, Client>>>,
}

impl Fleet {
    pub async fn new() -> Result<Self, BoxDynError> {
        let base_url = setting("CANVA_BASE_URL", "http://127.0.0.1:4080/rest");
        let token_url = setting("CANVA_TOKEN_URL", "http://127.0.0.1:4080/auth/v1/oauth/token");
        let (id, secret) = (setting("CANVA_CLIENT_ID", ""), setting("CANVA_CLIENT_SECRET", ""));
        Ok(Self {
            redis: Redis::open(&redis_url())?,
            ledger: apalis_redis::connect(redis_url()).await?,
            canva: Client::builder().base_url(&base_url).token_provider(NoUser).build()?,
            integration: Integration::builder(id, secret, "").token_url(token_url).build()?,
            users: Arc::default(),
        })
    }

    /// The client of a user, whose tokens and limits are in Redis.
    fn client(&self, user: &str) -> Result<Client, BoxDynError> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = users.get(user) {
            return Ok(client.clone());
        }
        let tokens = OAuth::new(self.integration.clone(), self.redis.store(user));
        let client = self.canva.for_user(tokens, self.redis.pacing(user).window(rate_window()?));
        users.insert(user.to_owned(), client.clone());
        Ok(client)
    }
}

/// The queue silently drops a task after 25 attempts, some five minutes. From this attempt on, the ledger reports it.
const LAST_ATTEMPT: usize = 20;

/// After an error, the queue tries the task again in some seconds.
pub async fn upload(upload: Upload, fleet: Data<Fleet>, attempt: Attempt) -> Result<(), BoxDynError> {
    let ledger = Ledger::of(&fleet.ledger, &upload);
    match bring(upload, &fleet, &ledger).await {
        Err(error) if attempt.current() >= LAST_ATTEMPT => give_up(&ledger, error).await,
        result => result,
    }
}

async fn give_up(ledger: &Ledger, error: BoxDynError) -> Result<(), BoxDynError> {
    let seen = ledger.read().await?;
    let end = match &seen {
        None | Some(State::Claimed { .. }) => {
            State::Failed(error.downcast_ref().map_or_else(|| error.to_string(), Error::report))
        }
        Some(State::Sent { .. } | State::Job(_)) => State::Unknown,
        Some(_) => return Ok(()),
    };
    ledger.change(seen.as_ref(), &end).await
}

async fn bring(upload: Upload, fleet: &Fleet, ledger: &Ledger) -> Result<(), BoxDynError> {
    let canva = fleet.client(&upload.user)?;
    let job = match ledger.read().await? {
        Some(State::Done(_) | State::Unknown) => return Ok(()),
        // The worker that sent it hasn't stored the job.
        Some(sent @ State::Sent { .. }) => return ledger.change(Some(&sent), &State::Unknown).await,
        Some(State::Job(job)) => job,
        seen @ (None | Some(State::Claimed { .. } | State::Failed(_))) => {
            let claim = ledger.claim(seen).await?;
            match send(&canva, &claim, upload.path).await? {
                State::Job(job) => {
                    // It arrived, whatever another worker wrote meanwhile.
                    ledger.write(&State::Job(job.clone())).await?;
                    job
                }
                other => return claim.change(&other).await,
            }
        }
    };
    let end = match canva.job(job).wait().await {
        Ok(JobResult::Asset(asset)) => State::Done(asset.id),
        Err(error @ Error::Job(_)) => State::Failed(error.report()),
        Err(error) => return Err(error.into()),
        Ok(other) => return Err(format!("an asset was expected, not {other:?}").into()),
    };
    ledger.write(&end).await
}

/// Sends the file. After an error, Canva doesn't have it.
async fn send(canva: &Client, claim: &Claim, path: PathBuf) -> Result<State, BoxDynError> {
    let length = tokio::fs::metadata(&path).await?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let marking = claim.clone();
    let body = UploadBody::from_fn(length, move || {
        let (path, claim) = (path.clone(), marking.clone());
        async move { Ok(tokio::fs::File::open(path).await?.chain(marked(claim))) }
    });
    match canva.upload_asset(body).name(name).await {
        Ok(job) => Ok(State::Job(job.reference().clone())),
        Err(Error::OutcomeUnknown { .. }) => Ok(State::Unknown),
        Err(error @ (Error::Api(_) | Error::InvalidInput { .. })) if !error.is_retryable() && !error.needs_login() => {
            Ok(State::Failed(error.report()))
        }
        Err(error) => {
            claim.change(&claim.claimed).await?;
            Err(error.into())
        }
    }
}

/// The end of the content: it comes when the mark is in the ledger. The last block leaves only after this end was
/// read (docs/retries.md). So Canva can't have the whole file before the mark, and never gets it if the mark can't be
/// written.
fn marked(claim: Claim) -> impl AsyncRead {
    let mark = async move { claim.change(&claim.sent).await.map(|()| Bytes::new()).map_err(io::Error::other) };
    StreamReader::new(Box::pin(futures_util::stream::once(mark)))
}
