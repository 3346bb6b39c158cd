//! What a worker does with a task. It may be killed at any point, and another one given the task then: the ledger says what
//! is safe. A file is sent again only as long as Canva can't have the whole of it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data};
use canva_connect::auth::{Integration, OAuth};
use canva_connect::{Client, Error, JobReference, JobResult, UploadBody};
use canva_connect_redis::Redis;
use redis::aio::ConnectionManager;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::bytes::Bytes;
use tokio_util::io::StreamReader;

use crate::Args;
use crate::ledger::{Claim, Ledger, State, Upload};

/// What all tasks of a process share.
#[derive(Clone)]
pub struct Fleet {
    redis: Redis,
    ledger: ConnectionManager,
    args: Args,
    clients: Arc<Mutex<HashMap<String, Client>>>,
}

impl Fleet {
    pub async fn new(args: Args) -> Result<Self, BoxDynError> {
        let ledger = apalis_redis::connect(args.redis.as_str()).await?;
        Ok(Self { redis: Redis::open(&args.redis)?, ledger, args, clients: Arc::default() })
    }

    /// The client of a user, whose tokens and limits are in Redis.
    fn client(&self, user: &str) -> Result<Client, BoxDynError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(user) {
            return Ok(client.clone());
        }
        let variable = |name| std::env::var(name).unwrap_or_default();
        let (id, secret) = (variable("CANVA_CLIENT_ID"), variable("CANVA_CLIENT_SECRET"));
        let integration = Integration::new(id, secret, "")?.base_url(&self.args.base_url)?;
        let client = Client::builder()
            .base_url(&self.args.base_url)
            .token_provider(OAuth::new(integration, self.redis.store(user)))
            .pacing(self.redis.pacing(user).window(Duration::from_secs(self.args.window)))
            .build()?;
        clients.insert(user.to_owned(), client.clone());
        Ok(client)
    }
}

/// An error gives the task back to the queue, which tries it again after some seconds.
pub async fn upload(upload: Upload, fleet: Data<Fleet>) -> Result<(), BoxDynError> {
    let ledger = Ledger::of(&fleet.ledger, &upload);
    let canva = fleet.client(&upload.user)?;
    let job = match ledger.read().await? {
        Some(State::Done(_) | State::Failed(_) | State::Unknown) => return Ok(()),
        // Whoever sent it hasn't come to store the job.
        Some(sent @ State::Sent { .. }) => return ledger.change(Some(&sent), &State::Unknown).await.map(drop),
        Some(State::Job(job)) => job,
        seen @ (None | Some(State::Claimed { .. })) => match send(&canva, &ledger, seen, &upload).await? {
            Some(job) => job,
            None => return Ok(()),
        },
    };
    let end = match canva.job(job).wait().await {
        Ok(JobResult::Asset(asset)) => State::Done(asset.id),
        Err(error @ Error::Job(_)) => State::Failed(error.to_string()),
        other => return Err(format!("still waiting: {other:?}").into()),
    };
    ledger.write(&end).await
}

/// Sends the file and stores the job, or what came of it in its place.
async fn send(
    canva: &Client,
    ledger: &Ledger,
    seen: Option<State>,
    upload: &Upload,
) -> Result<Option<JobReference>, BoxDynError> {
    let claim = ledger.claim(seen).await?;
    let length = tokio::fs::metadata(&upload.path).await?.len();
    let content = (upload.path.clone(), claim.clone());
    let body = UploadBody::reopen(length, move || {
        let (path, claim) = content.clone();
        async move { Ok(tokio::fs::File::open(path).await?.chain(marked(claim))) }
    });
    let name = upload.path.file_name().unwrap_or_default().to_string_lossy();
    match canva.upload_asset(body).name(name).await {
        Ok(job) => {
            // Whatever others thought meanwhile, it arrived.
            ledger.write(&State::Job(job.reference().clone())).await?;
            return Ok(Some(job.reference().clone()));
        }
        Err(Error::OutcomeUnknown { .. }) => claim.lose().await?,
        Err(error @ (Error::Api(_) | Error::InvalidInput { .. })) => ledger.write(&State::Failed(error.to_string())).await?,
        Err(error) => {
            claim.unmark().await?;
            return Err(error.into());
        }
    }
    Ok(None)
}

/// The end of the content, which comes when the mark is in the ledger. The last block leaves only after the end was read
/// (docs/retries.md): so Canva can't have the whole file before, and never gets it if the mark can't be written.
fn marked(claim: Claim) -> impl AsyncRead {
    let mark = async move { claim.mark().await.map(|()| Bytes::new()).map_err(io::Error::other) };
    StreamReader::new(Box::pin(futures_util::stream::once(mark)))
}
