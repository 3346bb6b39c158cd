//! The TLS of every HTTP client whose settings the caller leaves alone.

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt;

/// Trusts what the system trusts, offering these versions of HTTP. The certificates are read once a process: on Linux
/// that takes longer than the handshake. It is configured as reqwest configures its own, and all connections share
/// the sessions that they can resume.
pub(super) fn config(versions: &[&str]) -> Result<ClientConfig, rustls::Error> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    let config = match CONFIG.get() {
        Some(config) => config,
        None => {
            let config = read()?;
            CONFIG.get_or_init(|| config)
        }
    };
    let mut config = config.clone();
    config.alpn_protocols = versions.iter().map(|version| version.as_bytes().to_vec()).collect();
    Ok(config)
}

fn read() -> Result<ClientConfig, rustls::Error> {
    let given = CryptoProvider::get_default().cloned();
    let provider = given.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_platform_verifier()?.with_no_client_auth())
}
