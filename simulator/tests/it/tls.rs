//! The simulator over TLS: who trusts it, which HTTP it speaks, and what is the same as without.

use canva_simulator::{Simulator, Tls};
use reqwest::tls::Certificate;
use reqwest::{Client, ClientBuilder, Method, Response, Version};
use serde_json::json;

use crate::common::{PATIENCE, fixture, import, ok, upload, upload_url};

async fn speaking(versions: Tls) -> Simulator {
    Simulator::builder().job_duration(std::time::Duration::ZERO).tls(versions).start().await.unwrap()
}

/// A client that trusts this simulator and nobody else.
fn trusting(simulator: &Simulator) -> ClientBuilder {
    let certificate = Certificate::from_pem(simulator.certificate().unwrap().as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([certificate])
}
