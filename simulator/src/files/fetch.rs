//! Fetches a file from a URL that a file stands for, or that is on this machine: a test must not reach into the network,
//! not even to look up a name.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url, header};

use crate::canva::content::Content;
use crate::loopback;
use crate::state::State;

/// How long a server may send nothing.
const TIMEOUT: Duration = Duration::from_secs(30);

const MAX_REDIRECTS: usize = 5;

#[derive(Debug)]
pub enum FetchError {
    /// Anything that kept the file from arriving, in a sentence.
    Failed(String),
    TooBig,
}

/// The file, if it could be kept. The simulator's own certificate is trusted beside what the system trusts.
pub async fn fetch(mut url: Url, max_bytes: u64, state: &State) -> Result<io::Result<Content>, FetchError> {
    // Redirects by hand, because each stop has to be on this machine.
    for _ in 0..=MAX_REDIRECTS {
        if let Some(file) = state.addresses.file(&url) {
            return if file.len() as u64 > max_bytes { Err(FetchError::TooBig) } else { Ok(Ok(file)) };
        }
        if !loopback::leads_here(&url) {
            return Err(failed(
                "the simulator fetches from http:// and https:// URLs of localhost and loopback addresses, and no file \
                 stands for this one",
            ));
        }
        let client = client(&url, state.certificate.as_deref()).map_err(broken)?;
        let mut response = client.get(url.clone()).send().await.map_err(broken)?;
        if response.status().is_redirection() {
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let location = location.ok_or_else(|| failed("a redirect without a usable location"))?;
            url = url.join(location).map_err(failed)?;
            continue;
        }
        if !response.status().is_success() {
            return Err(failed(format!("answered with {}", response.status())));
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > max_bytes {
                return Err(FetchError::TooBig);
            }
        }
        return Ok(state.store.keep(bytes.freeze()).await);
    }
    Err(failed("too many redirects"))
}

/// It reads the system's certificates, which takes long, only where TLS needs them.
fn client(url: &Url, certificate: Option<&str>) -> reqwest::Result<Client> {
    let own = certificate.map(|pem| Certificate::from_pem(pem.as_bytes())).transpose()?;
    let client = Client::builder().no_proxy().redirect(Policy::none()).read_timeout(TIMEOUT);
    let client = if url.scheme() == "https" { client.tls_certs_merge(own) } else { client.tls_certs_only([]) };
    client.resolve_to_addrs("localhost", &loopback::LOCALHOST).build()
}

/// The cause at the bottom: reqwest's own text repeats the URL and leaves the reason to its sources.
fn broken(error: reqwest::Error) -> FetchError {
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    failed(cause)
}

fn failed(reason: impl ToString) -> FetchError {
    FetchError::Failed(reason.to_string())
}
