//! The options of `canva simulate`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use canva_connect::operations;
use canva_simulator::{Injection, JobOutcome, RateLimits};
use clap::builder::{
    BoolishValueParser, NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser,
};

use super::seconds;
use crate::limits;

/// Run a local simulator of Canva, until Ctrl-C.
///
/// It prints three lines for another shell. The first sets the variables that make `canva` use this simulator. The second
/// sets what a program needs to log a user in: the client's id and secret, and the URLs of the consent page and the token
/// endpoint. The third says where programs see and steer the simulator, in any language: GET
/// $CANVA_SIMULATOR_URL/openapi.yaml describes it.
///
/// Each request is a line on stderr: when it came, its number, what was asked, what was answered, and why it was refused.
///
/// Most options are also read from the environment. Several values of one variable are separated by commas, URIs by
/// spaces.
#[derive(clap::Args)]
pub struct Simulate {
    /// The port; 0 takes any free port.
    #[arg(long, env = "CANVA_SIMULATE_PORT", default_value_t = 4080)]
    pub port: u16,

    /// The address to listen on. Others than 127.0.0.1 let other machines in, to the names of --host.
    #[arg(long, value_name = "ADDRESS", env = "CANVA_SIMULATE_BIND", default_value = "127.0.0.1")]
    pub bind: IpAddr,

    /// A name under which programs reach the simulator, beside localhost; can be given several times.
    ///
    /// For example, the name of its container. Then, or with another address than 127.0.0.1, $CANVA_SIMULATOR_URL needs
    /// $CANVA_SIMULATOR_TOKEN, which is printed.
    #[arg(long = "host", value_name = "NAME", env = "CANVA_SIMULATE_HOST", value_delimiter = ',')]
    pub hosts: Vec<String>,

    /// The access token of the first line [default: a new one at each start].
    ///
    /// Other programs can see options. A token that they mustn't see belongs into the environment.
    #[arg(long, env = "CANVA_SIMULATE_TOKEN", hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub token: Option<String>,

    /// The token that $CANVA_SIMULATOR_URL and the page ask for [default: a new one where other machines can reach them].
    ///
    /// Other programs can see options. A token that they mustn't see belongs into the environment.
    #[arg(long, value_name = "TOKEN", env = "CANVA_SIMULATE_CONTROL_TOKEN", hide_env_values = true)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub control_token: Option<String>,

    /// The id of the client that may ask for tokens [default: simulator-client].
    #[arg(long, value_name = "ID", env = "CANVA_SIMULATE_CLIENT_ID")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub client_id: Option<String>,

    /// The client's secret [default: a new one at each start].
    ///
    /// Other programs can see options. A secret that they mustn't see belongs into the environment.
    #[arg(long, value_name = "SECRET", env = "CANVA_SIMULATE_CLIENT_SECRET", hide_env_values = true)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub client_secret: Option<String>,

    /// Where the consent page may lead back to; can be given several times [default: anywhere].
    #[arg(long = "redirect-uri", value_name = "URI", env = "CANVA_SIMULATE_REDIRECT_URI", value_delimiter = ' ')]
    pub redirect_uris: Vec<String>,

    /// How long an access token that a program gets works [default: 4 hours].
    #[arg(long, value_name = "SECONDS", env = "CANVA_SIMULATE_TOKEN_LIFETIME", value_parser = seconds)]
    pub token_lifetime: Option<Duration>,

    /// The scopes of the access token, and the most that a user can consent to, separated by commas [default: all].
    #[arg(long, value_name = "SCOPE", env = "CANVA_SIMULATE_SCOPES", value_delimiter = ',', value_parser = scopes())]
    pub scopes: Vec<String>,

    /// Enforce the rate limits, counted in this way [default: no limits].
    #[arg(long, value_name = "COUNT", env = "CANVA_SIMULATE_RATE_LIMITS", value_parser = rate_limits())]
    pub rate_limits: Option<RateLimits>,

    /// The time in which --rate-limits count, in place of a minute, so that nobody has to wait for minutes.
    #[arg(long, value_name = "SECONDS", env = "CANVA_SIMULATE_RATE_WINDOW")]
    #[arg(value_parser = window, requires = "rate_limits")]
    pub rate_window: Option<Duration>,

    /// How many seconds a job takes [default: 0.05].
    #[arg(long, value_name = "SECONDS", env = "CANVA_SIMULATE_JOB_TIME", value_parser = seconds)]
    pub job_time: Option<Duration>,

    /// Use TLS, with HTTP/2 and HTTP/1.1. The certificate to trust is in a file until the simulator ends.
    #[arg(long, env = "CANVA_SIMULATE_TLS", value_parser = BoolishValueParser::new())]
    pub tls: bool,

    /// Let requests of an operation meet a fault; can be given several times.
    ///
    /// For example `operation=getAsset,fault=respond,status=429,retry_after=3,times=2`, or the same as a JSON object, as
    /// POST $CANVA_SIMULATOR_URL/faults takes it.
    #[arg(long = "fault", value_name = "FIELDS")]
    pub faults: Vec<Injection>,

    /// Decide how jobs end; can be given several times.
    ///
    /// For example `kind=asset-upload,name=broken-*,code=import_failed,seconds=2`, or the same as a JSON object, as POST
    /// $CANVA_SIMULATOR_URL/outcomes takes it.
    #[arg(long = "job", value_name = "FIELDS")]
    pub jobs: Vec<JobOutcome>,

    /// Begin with the images, videos and documents of this directory in the library.
    #[arg(long, value_name = "DIR", env = "CANVA_SIMULATE_SEED")]
    pub seed: Option<PathBuf>,

    /// Let a file stand for a URL, so that uploads and imports from there need no network; can be given several times.
    ///
    /// For example `https://example.com/photo.png=photo.png`.
    #[arg(long = "url", value_name = "URL=FILE", value_parser = file_at)]
    pub urls: Vec<(String, PathBuf)>,

    /// Write the variables to this file as well, for Docker, Node and dotenv. It is there while the simulator can be used.
    #[arg(long, value_name = "PATH", env = "CANVA_SIMULATE_ENV_FILE")]
    pub env_file: Option<PathBuf>,

    /// How requests are logged on stderr, unless --quiet is given.
    #[arg(long, value_name = "FORMAT", env = "CANVA_SIMULATE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
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

fn file_at(text: &str) -> Result<(String, PathBuf), &'static str> {
    // A URL may have `=` in its query string.
    let (url, file) =
        text.rsplit_once('=').ok_or("expected URL=FILE, such as https://example.com/photo.png=photo.png")?;
    Ok((url.to_owned(), file.into()))
}
