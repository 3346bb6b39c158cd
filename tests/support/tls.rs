//! A CA of our own, and a server over TLS with a certificate of it, which notes who connected and over which protocol.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

pub struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What to trust.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key.
    pub fn sign(&self, params: &CertificateParams) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

/// How a server is set up.
pub struct Settings {
    pub certificate: CertificateParams,
    /// What it offers, the best first.
    pub protocols: &'static [&'static str],
    /// What it takes over HTTP/2 before it says that it takes more, in bytes: of a request, and in all.
    pub window: u32,
    /// It wants client certificates of its CA.
    pub wants_clients: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            certificate: CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap(),
            protocols: &["h2", "http/1.1"],
            window: 65_535,
            wants_clients: false,
        }
    }
}

/// What came over one connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connection {
    /// Once the handshake is done.
    pub protocol: Option<String>,
    /// The method and path of each.
    pub requests: Vec<String>,
}

pub struct Server {
    pub base_url: String,
    pub port: u16,
    connections: watch::Sender<Vec<Connection>>,
}

impl Server {
    /// In the order in which they were opened.
    pub fn connections(&self) -> Vec<Connection> {
        self.connections.borrow().clone()
    }

    /// Waits until they are like that.
    pub async fn until(&self, wanted: impl FnMut(&Vec<Connection>) -> bool) {
        self.connections.subscribe().wait_for(wanted).await.unwrap();
    }
}

pub fn acceptor(ca: &Ca, settings: &Settings) -> TlsAcceptor {
    let (certificate, key) = ca.sign(&settings.certificate);
    let config = ServerConfig::builder();
    let config = if settings.wants_clients {
        let mut roots = RootCertStore::empty();
        roots.add(ca.0.der().clone()).unwrap();
        config.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = settings.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes every request, keeps nothing, and answers that it was a success.
pub async fn serve(ca: &Ca, settings: Settings) -> Server {
    let acceptor = acceptor(ca, &settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = watch::Sender::new(Vec::new());
    let server = Server { base_url: format!("https://localhost:{port}/rest"), port, connections: connections.clone() };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let log = Log::new(&connections);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await?;
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => serve_http2(stream, settings.window, log).await.map_err(io::Error::other),
                    _ => serve_http1(stream, log).await,
                }
            });
        }
    });
    server
}

/// Where one connection is noted.
#[derive(Clone)]
struct Log(watch::Sender<Vec<Connection>>, usize);

impl Log {
    fn new(connections: &watch::Sender<Vec<Connection>>) -> Self {
        connections.send_modify(|all| all.push(Connection::default()));
        Self(connections.clone(), connections.borrow().len() - 1)
    }

    fn protocol(&self, name: &str) {
        self.0.send_modify(|all| all[self.1].protocol = Some(name.to_owned()));
    }

    fn request(&self, method: &str, path: &str) {
        self.0.send_modify(|all| all[self.1].requests.push(format!("{method} {path}")));
    }
}

fn response(method: &str, path: &str) -> &'static str {
    match method {
        _ if path.ends_with("/token") => {
            r#"{"access_token":"n3w-t0k3n","refresh_token":"n3w-r3fr3sh","token_type":"Bearer","expires_in":14400}"#
        }
        "POST" => super::UPLOADED,
        _ => super::UPDATED,
    }
}

async fn serve_http1(mut stream: TlsStream<TcpStream>, log: Log) -> io::Result<()> {
    log.protocol("HTTP/1.1");
    loop {
        let head = super::read_head(&mut stream).await?;
        let mut words = head.text.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        log.request(method, path);
        super::discard_body(&mut stream, &head).await?;
        super::answer(&mut stream, "200 OK", "content-type: application/json\r\n", response(method, path)).await?;
    }
}

async fn serve_http2(stream: TlsStream<TcpStream>, window: u32, log: Log) -> Result<(), h2::Error> {
    log.protocol("HTTP/2");
    let mut server = h2::server::Builder::new();
    server.initial_window_size(window).initial_connection_window_size(window);
    let mut connection = server.handshake::<_, bytes::Bytes>(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        let log = log.clone();
        tokio::spawn(async move {
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            log.request(method.as_str(), &path);
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                body.flow_control().release_capacity(data?.len())?;
            }
            let head = http::Response::builder().header("content-type", "application/json").body(()).unwrap();
            respond.send_response(head, false)?.send_data(response(method.as_str(), &path).into(), true)
        });
    }
    Ok(())
}
