//! Which URLs lead to this machine. The URL itself says so: a name other than `localhost` would have to be looked up, and
//! whoever answers for that name would decide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// What `localhost` is here. The port is the URL's.
pub const LOCALHOST: [SocketAddr; 2] =
    [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0)];

/// Whether it is an HTTP URL whose host is `localhost` or a loopback address: 127.0.0.0/8 or `::1`. A URL can spell an
/// address in several ways, such as `0x7f.1`; they count as the address that they mean. `0.0.0.0`, `::` and IPv4 in IPv6
/// (`::ffff:127.0.0.1`) may lead here too, but are no loopback addresses.
pub fn leads_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let here = host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    here && matches!(url.scheme(), "http" | "https")
}
