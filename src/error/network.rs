//! What stood in the way of a connection, or did not happen in time.

use std::error::Error;
use std::{env, fmt, iter};

use super::chain::{find, innermost};

/// What stood in the way of a connection. Only `Network` and `Proxy` are worth another attempt without a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectKind {
    /// The name was not found, nobody accepted in time, or the connection broke while it was being opened.
    Network,
    /// A CA that isn't trusted here signed the server's certificate, for example the CA of a proxy that inspects TLS.
    /// Trust it with [`ClientBuilder::http`](crate::ClientBuilder::http), or name a file with it in `SSL_CERT_FILE`.
    Certificate,
    /// The server's certificate isn't valid, even if its CA is trusted: it has expired, isn't valid yet, is for
    /// another name, or isn't a server's.
    InvalidCertificate,
    /// The proxy opened no tunnel: it can't be reached itself, can't reach the server, or doesn't let the request
    /// through.
    Proxy,
    /// The proxy wants a user and a password, or refuses the ones it got (407). Set them with
    /// [`ClientBuilder::http`](crate::ClientBuilder::http) or in `HTTPS_PROXY`.
    ProxyAuthorization,
    /// The proxy's URL isn't one of `http` or `https`, but of `socks5` for example.
    ProxyScheme,
    /// The server has neither HTTP/2 nor HTTP/1.1 to offer.
    Protocol,
}

impl ConnectKind {
    /// Whether another attempt may end in another way.
    pub(crate) fn is_worth_repeating(self) -> bool {
        matches!(self, Self::Network | Self::Proxy)
    }

    #[cfg(feature = "oauth")]
    pub(super) fn is_of_proxy(self) -> bool {
        matches!(self, Self::Proxy | Self::ProxyAuthorization | Self::ProxyScheme)
    }
}

impl fmt::Display for ConnectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "the network can't be used",
            Self::Certificate => "the CA that signed the server's certificate isn't trusted here",
            Self::InvalidCertificate => "the server's certificate isn't valid for this host at this machine's time",
            Self::Proxy => "the proxy opened no tunnel",
            Self::ProxyAuthorization => "the proxy wants a user and a password",
            Self::ProxyScheme => "the proxy's URL isn't one of http or https",
            Self::Protocol => "the server speaks neither HTTP/2 nor HTTP/1.1",
        })
    }
}

/// What did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// No byte of the request body moved: the server took none, or the content had none to give.
    Stall,
    /// The server had the whole request but did not respond in full.
    Response,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stall => "the upload stalled: no byte moved",
            Self::Response => "the server did not respond",
        })
    }
}

/// What stood in the way of this connection. The types are those of reqwest's own rustls, and the text is
/// hyper-util's, whose error has no type that can be named; tests/it/proxies.rs fails if reqwest moves to others.
pub(crate) fn connect_kind(source: &reqwest::Error) -> ConnectKind {
    let tls = find(source, |error: &rustls::Error| match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => Some(ConnectKind::Certificate),
        rustls::Error::InvalidCertificate(_) => Some(ConnectKind::InvalidCertificate),
        rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => Some(ConnectKind::Protocol),
        _ => None,
    });
    tls.unwrap_or_else(|| match innermost(source).to_string().as_str() {
        "tunnel error: proxy authorization required" => ConnectKind::ProxyAuthorization,
        // Only a proxy's URL can have another than ours.
        said if said.starts_with("unsupported scheme") => ConnectKind::ProxyScheme,
        _ if is_of_proxy(source) => ConnectKind::Proxy,
        _ => ConnectKind::Network,
    })
}

/// Whether no tunnel through the proxy was opened.
fn is_of_proxy(source: &reqwest::Error) -> bool {
    let mut causes = iter::successors(Some(source as &(dyn Error + 'static)), |error| (*error).source());
    causes.any(|cause| cause.to_string().starts_with("tunnel error"))
}

/// The environment variable that names the proxy which stood in the way of this connection. A proxy that
/// [`ClientBuilder::http`](crate::ClientBuilder::http) sets isn't known here: then the variable is merely set.
pub(crate) fn proxy_variable(source: &reqwest::Error, kind: ConnectKind) -> Option<&'static str> {
    if kind != ConnectKind::ProxyScheme && !is_of_proxy(source) {
        return None;
    }
    let own = match source.url()?.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    // As the HTTP client reads them: one that isn't a URL counts as not there.
    let is_url = |value: &str| value.parse::<http::Uri>().is_ok_and(|url| url.authority().is_some());
    [own, ["ALL_PROXY", "all_proxy"]].into_iter().find_map(|names| {
        let (name, value) = names.into_iter().find_map(|name| Some((name, env::var(name).ok()?)))?;
        is_url(&value).then_some(name)
    })
}
