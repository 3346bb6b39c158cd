//! The options of `canva simulate`.

use std::time::Duration;

use canva_connect::operations;
use canva_simulator::RateLimits;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::seconds;
use crate::limits;

/// Run a local simulator of Canva, until Ctrl-C.
///
/// It prints two lines for another shell. The first sets the variables that make `canva` use this simulator. The second
/// sets what a program needs to log a user in: the client's id and secret, and the URLs of the consent page and the token
/// endpoint.
#[derive(clap::Args)]
pub struct Simulate {
    /// The port on this machine; 0 takes any free port.
    #[arg(long, default_value_t = 4080)]
    pub port: u16,

    /// Use TLS, with HTTP/2 and HTTP/1.1. The certificate to trust is in a file until the simulator ends.
    #[arg(long)]
    pub tls: bool,

    /// Enforce the rate limits, counted in this way [default: no limits].
    #[arg(long, value_name = "COUNT", value_parser = rate_limits())]
    pub rate_limits: Option<RateLimits>,

    /// The time in which --rate-limits count, in place of a minute, so that nobody has to wait for minutes.
    #[arg(long, value_name = "SECONDS", value_parser = window, requires = "rate_limits")]
    pub rate_window: Option<Duration>,

    /// The scopes of the access token, and the most that a user can consent to, separated by commas [default: all].
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scopes())]
    pub scopes: Vec<String>,

    /// How many seconds a job takes [default: 0.05].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub job_time: Option<Duration>,
}

fn rate_limits() -> impl TypedValueParser<Value = RateLimits> {
    let counts = [
        PossibleValue::new("fixed-window").help("A minute begins with the first request"),
        PossibleValue::new("sliding-window").help("No 60 seconds hold more requests than the limit"),
        PossibleValue::new("token-bucket").help("A bucket of requests that refills evenly"),
    ];
    PossibleValuesParser::new(counts).map(|count| match count.as_str() {
        "fixed-window" => RateLimits::FixedWindow,
        "sliding-window" => RateLimits::SlidingWindow,
        _ => RateLimits::TokenBucket,
    })
}

fn window(text: &str) -> Result<Duration, &'static str> {
    let window = seconds(text).ok().filter(|window| limits::WINDOWS.contains(window));
    window.ok_or("expected a number of seconds from 0.1 to 86400, such as 2.5")
}

fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(operations::SCOPES)
}
