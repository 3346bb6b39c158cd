//! Which URLs lead to this machine. The URL's own text decides: looking up a name would let its DNS server decide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// The addresses of `localhost`. The URL gives the port.
pub const LOCALHOST: [SocketAddr; 2] =
    [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0)];

/// Whether this is an HTTP URL whose host is `localhost` or a loopback address: 127.0.0.0/8 or `::1`, in any spelling
/// that URLs allow, such as `0x7f.1`. `0.0.0.0`, `::` and IPv4 in IPv6 (`::ffff:127.0.0.1`) may lead here too, but
/// are refused.
pub fn leads_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let here = host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    here && matches!(url.scheme(), "http" | "https")
}
