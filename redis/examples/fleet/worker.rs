//! What a worker does with a task. It may be killed at any point; then another worker gets the task, and the ledger
//! says what is safe. A file is sent again only if Canva can't have all of it, or if the operator wants it sent again
//! when Canva doesn't list it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use apalis::prelude::{Attempt, BoxDynError, Data};
use canva_connect::auth::{Integration, NoUser, OAuth};
use canva_connect::{Client, Error, JobReference, JobResult, LookUpError, PollPolicy, Unconfirmed};
use canva_connect_redis::Redis;
use redis::aio::ConnectionManager;

use crate::ledger::{self, Claim, Ledger, State, Upload};
use crate::{rate_window, redis_url, seconds, setting};

/// What all tasks of a process share.
#[derive(Clone)]
pub struct Fleet {
    redis: Redis,
    ledger: ConnectionManager,
    canva: Client,
    integration: Integration,
    users: Arc<Mutex<HashMap<String, Client>>>,
    /// Whether to send a file again that isn't in Canva, as far as one can tell.
    send_again: bool,
}

impl Fleet {
    pub async fn new() -> Result<Self, BoxDynError> {
        let base_url = setting("CANVA_BASE_URL", "http://127.0.0.1:4080/rest");
        let token_url = setting("CANVA_TOKEN_URL", "http://127.0.0.1:4080/auth/v1/oauth/token");
        let (id, secret) = (setting("CANVA_CLIENT_ID", ""), setting("CANVA_CLIENT_SECRET", ""));
        // This long after a file was sent, no job of it is under way any more.
        let poll_policy = PollPolicy::default().deadline(seconds("LOOK_UP", "600")?);
        let canva = Client::builder().base_url(&base_url).token_provider(NoUser).poll_policy(poll_policy);
        Ok(Self {
            redis: Redis::open(&redis_url())?,
            ledger: apalis_redis::connect(redis_url()).await?,
            canva: canva.build()?,
            integration: Integration::builder(id, secret, "").token_url(token_url).build()?,
            users: Arc::default(),
            send_again: setting("SEND_AGAIN", "0") == "1",
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
    match bring(&upload, &fleet, &ledger).await {
        Err(error) if attempt.current() >= LAST_ATTEMPT => give_up(&ledger, error).await,
        result => result,
    }
}

async fn give_up(ledger: &Ledger, error: BoxDynError) -> Result<(), BoxDynError> {
    let seen = ledger.read().await?;
    let reason = error.downcast_ref().map_or_else(|| error.to_string(), Error::report);
    let end = match &seen {
        None | Some(State::Claimed { .. }) => State::Failed(reason),
        Some(State::Sent { .. } | State::Lost { .. } | State::Job(_)) => State::Unknown(reason),
        Some(State::Done(_) | State::Failed(_) | State::Unknown(_)) => return Ok(()),
    };
    ledger.change(seen.as_ref(), &end).await
}

async fn bring(upload: &Upload, fleet: &Fleet, ledger: &Ledger) -> Result<(), BoxDynError> {
    let canva = fleet.client(&upload.user)?;
    loop {
        let seen = ledger.read().await?;
        match &seen {
            Some(State::Done(_) | State::Failed(_) | State::Unknown(_)) => return Ok(()),
            None | Some(State::Claimed { .. }) => send(&canva, ledger, ledger.claim(seen).await?, &upload.path).await?,
            // This worker has just lost the response, or the task comes from another one that is most likely dead.
            Some(State::Sent { by, unconfirmed }) => {
                let lost = State::Lost { by: by.clone(), unconfirmed: unconfirmed.clone() };
                ledger.change(seen.as_ref(), &lost).await?;
            }
            Some(State::Lost { unconfirmed, .. }) => {
                let next = look_up(fleet, &canva, ledger, unconfirmed).await?;
                ledger.change(seen.as_ref(), &next).await?;
                // It counts as an attempt, so that no file is sent again for ever.
                if let State::Claimed { .. } = next {
                    return Err(LookUpError::NotThere.into());
                }
            }
            Some(State::Job(job)) => ledger.write(&wait(&canva, job).await?).await?,
        }
    }
}

/// Sends the file. After an error, Canva doesn't have it.
async fn send(canva: &Client, ledger: &Ledger, claim: Claim, path: &Path) -> Result<(), BoxDynError> {
    let marking = claim.clone();
    let upload = canva.upload_asset(path).before_end(move |unconfirmed| {
        let claim = marking.clone();
        async move { claim.sent(unconfirmed).await }
    });
    match upload.await {
        // It arrived, whatever another worker wrote meanwhile.
        Ok(job) => ledger.write(&State::Job(job.reference().clone())).await,
        Err(Error::OutcomeUnknown { unconfirmed: Some(unconfirmed), .. }) => claim.sent(*unconfirmed).await,
        Err(error @ (Error::Api(_) | Error::InvalidInput { .. })) if !error.is_retryable() && !error.needs_login() => {
            claim.change(&State::Failed(error.report())).await
        }
        Err(error) => {
            claim.unsent().await?;
            Err(error.into())
        }
    }
}

async fn wait(canva: &Client, job: &JobReference) -> Result<State, BoxDynError> {
    match canva.job(job.clone()).wait().await {
        Ok(JobResult::Asset(asset)) => Ok(State::Done(asset.id)),
        Err(error @ Error::Job(_)) => Ok(State::Failed(error.report())),
        Err(error) => Err(error.into()),
        Ok(other) => Err(not_an_asset(&other)),
    }
}

fn not_an_asset(other: &JobResult) -> BoxDynError {
    format!("an asset was expected, not {other:?}").into()
}

/// What became of a file that may be in Canva. After an error, it is too early to tell.
async fn look_up(
    fleet: &Fleet,
    canva: &Client,
    ledger: &Ledger,
    unconfirmed: &Unconfirmed,
) -> Result<State, BoxDynError> {
    let others = ledger.others(&unconfirmed.name).await?;
    let (mut known, mut lost) = (Vec::new(), vec![unconfirmed.clone()]);
    for other in others.values() {
        match other {
            State::Done(asset) => known.push(asset),
            // Both are looked up together, so that neither gets what may be the other's.
            State::Lost { unconfirmed, .. } => lost.push(unconfirmed.clone()),
            _ => {}
        }
    }
    let found = canva.look_up_all(lost).known(known).await.swap_remove(0);
    let under_way = |other: &State| matches!(other, State::Sent { .. } | State::Job(_));
    let settled = !others.values().any(under_way) && others == ledger.others(&unconfirmed.name).await?;
    let unknown = others.values().any(|other| matches!(other, State::Unknown(_)));
    match found {
        Ok(_) | Err(LookUpError::Several { .. }) if !settled => Err("another file of this name is under way".into()),
        Ok(JobResult::Asset(asset)) if unknown => {
            Ok(State::Unknown(format!("{} in Canva may be another file of this name", asset.id)))
        }
        Ok(JobResult::Asset(asset)) => Ok(State::Done(asset.id)),
        Ok(other) => Err(not_an_asset(&other)),
        Err(LookUpError::NotThere) if fleet.send_again => Ok(State::Claimed { by: ledger::random_id() }),
        Err(LookUpError::Failed { source, .. }) if source.is_retryable() || source.needs_login() => {
            Err(source.report().into())
        }
        Err(LookUpError::Failed { source, .. }) => Ok(State::Unknown(source.report())),
        Err(error) => Ok(State::Unknown(error.to_string())),
    }
}
