//! TLS: a CA of the simulator's own, the certificate that it signs for this machine, and the protocols to choose from.

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

/// Which versions of HTTP a simulator speaks over TLS. The client's choice among them (ALPN) decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// HTTP/2, and HTTP/1.1 with a client that doesn't offer HTTP/2.
    Both,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone.
    Http2,
}

/// What ALPN calls it.
pub const HTTP2: &[u8] = b"h2";

/// What it takes to speak TLS.
pub struct TlsServer {
    pub acceptor: TlsAcceptor,
    pub http1: bool,
    pub http2: bool,
    /// The CA's certificate in PEM.
    pub certificate: String,
}

impl TlsServer {
    /// With a CA that signs one certificate: its key is gone when this returns.
    pub fn new(versions: Tls) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name = named("canva-simulator's own CA");
        let ca_key = KeyPair::generate()?;
        let certificate = ca.self_signed(&ca_key)?.pem();

        let mut own = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
        own.distinguished_name = named("canva-simulator");
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let chain = vec![own.signed_by(&key, &Issuer::new(ca, ca_key))?.der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());

        // Named, because a program with two providers has no default one.
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
