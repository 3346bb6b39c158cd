//! TLS: the simulator's own CA, its certificate for this machine, and the protocols that clients can choose.

use std::error::Error;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The versions of HTTP that a simulator offers over TLS. The client chooses one (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// HTTP/2, and HTTP/1.1 for clients without HTTP/2.
    Both,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2.
    Http2,
}

/// ALPN's name for HTTP/2.
pub const HTTP2: &[u8] = b"h2";

/// The server's side of TLS.
pub struct TlsServer {
    pub acceptor: TlsAcceptor,
    pub http1: bool,
    pub http2: bool,
    /// The CA's certificate in PEM.
    pub certificate: String,
}

impl TlsServer {
    /// Makes a CA that signs one certificate, for this machine and for these hosts. The CA's key is gone when this returns.
    pub fn new(versions: Tls, hosts: &[String]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name = named("canva-simulator's own CA");
        let ca_key = KeyPair::generate()?;
        let certificate = ca.self_signed(&ca_key)?.pem();

        let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let hosts = hosts.iter().map(|host| host.trim_matches(|c| matches!(c, '[' | ']')).to_owned());
        let mut own = CertificateParams::new(here.into_iter().chain(hosts).collect::<Vec<_>>())?;
        own.distinguished_name = named("canva-simulator");
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let chain = vec![own.signed_by(&key, &Issuer::new(ca, ca_key))?.der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());

        // Named explicitly, because a program with two providers has no default one.
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = config.with_single_cert(chain, key)?;
        let (http1, http2) = (versions != Tls::Http2, versions != Tls::Http1);
        let protocols = [(http2, HTTP2), (http1, b"http/1.1")].into_iter().filter(|(spoken, _)| *spoken);
        config.alpn_protocols = protocols.map(|(_, name)| name.to_vec()).collect();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), http1, http2, certificate })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}
