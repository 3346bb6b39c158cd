//! `canva simulate`: a simulator for other commands and programs, until Ctrl-C or another signal ends it.

mod env_file;
mod log;
#[cfg(unix)]
mod open_files;
mod seed;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use canva_connect::reqwest::Url;
use canva_simulator::{Access, Builder, Simulator, Tls};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::args::simulate::Simulate;
use crate::end::End;
use crate::limits::TEST_WINDOW;
use crate::output::Output;
use crate::screen::Screen;
use crate::stop::Stop;

use env_file::Free;
use log::Log;

/// What other programs have to know, in the lines in which it is printed: names of environment variables and values.
type Variables = Vec<Vec<(&'static str, String)>>;

pub async fn run(args: Simulate, stop: &Stop, output: &mut Output) -> Result<(), End> {
    #[cfg(unix)]
    open_files::raise();
    let env_file = args.env_file.as_deref().map(Free::at).transpose()?;
    let log = if output.screen.is_quiet() { None } else { Some(Log::start(args.log_format)?) };
    let simulator = stop.or(start(&args, log.as_ref(), &output.screen)).await??;
    // The file is deleted when this returns.
    let certificate = simulator.certificate().map(certificate_file).transpose()?;
    let certificate = certificate.as_ref().map(NamedTempFile::path);
    let variables = variables(&simulator, certificate, &args);
    simulator.accept()?;
    let all: Vec<_> = variables.iter().flatten().cloned().collect();
    let env_file = env_file.map(|free| free.write(&all)).transpose()?;
    print(&simulator, &variables, certificate, output)?;
    if !args.bind.is_loopback() || !args.hosts.is_empty() {
        output.screen.note(&reached_from_elsewhere(&simulator, &args.hosts));
    }
    stop.requested().await;
    // Whoever sees it takes the simulator for one that can be used.
    drop(env_file);
    drop(simulator);
    if let Some(log) = log {
        log.end().await;
    }
    Ok(())
}

/// A simulator that has all it is to have, and refuses connections yet.
async fn start(args: &Simulate, log: Option<&Log>, screen: &Screen) -> Result<Simulator, End> {
    let mut builder = builder(args)?.refusing();
    if let Some(log) = log {
        builder = builder.on_request(log.listener());
    }
    let simulator = builder.start().await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => End::usage(error.to_string()),
        io::ErrorKind::AddrNotAvailable => {
            let message =
                format!("can't listen on {}: {error}; choose an address of this machine with --bind", args.bind);
            io::Error::new(error.kind(), message).into()
        }
        kind => {
            let message = format!("can't start on port {}: {error}; choose another with --port", args.port);
            io::Error::new(kind, message).into()
        }
    })?;
    if let Some(directory) = &args.seed {
        seed::fill(&simulator, directory, screen).await?;
    }
    Ok(simulator)
}

fn builder(args: &Simulate) -> Result<Builder, End> {
    let mut builder = Simulator::builder().port(args.port).bind(args.bind);
    for host in &args.hosts {
        builder = builder.host(host);
    }
    if !args.scopes.is_empty() {
        builder = builder.scopes(&args.scopes);
    }
    if let Some(token) = &args.token {
        let access = Access::new(token);
        builder = builder.access(if args.scopes.is_empty() { access } else { access.scopes(&args.scopes) });
    }
    if let Some(token) = &args.control_token {
        builder = builder.control_token(token);
    }
    if let Some(id) = &args.client_id {
        builder = builder.client_id(id);
    }
    if let Some(secret) = &args.client_secret {
        builder = builder.client_secret(secret);
    }
    for uri in &args.redirect_uris {
        builder = builder.redirect_uri(uri);
    }
    if let Some(lifetime) = args.token_lifetime {
        builder = builder.access_token_lifetime(lifetime);
    }
    if let Some(limits) = args.rate_limits {
        builder = builder.rate_limits(limits);
    }
    if let Some(window) = args.rate_window {
        builder = builder.rate_window(window);
    }
    if let Some(time) = args.job_time {
        builder = builder.job_duration(time);
    }
    if args.tls {
        builder = builder.tls(Tls::Both);
    }
    for fault in &args.faults {
        builder = builder.injection(fault.clone());
    }
    for outcome in &args.jobs {
        builder = builder.outcome(outcome.clone());
    }
    for (url, file) in &args.urls {
        let about = |error| End::usage(format!("--url {url}={}: {error}", file.display()));
        builder = builder.file_at(url, fs::read(file).map_err(about)?);
    }
    Ok(builder)
}

fn certificate_file(certificate: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("canva-simulator-").suffix(".pem").tempfile()?;
    file.write_all(certificate.as_bytes())?;
    Ok(file)
}

fn variables(simulator: &Simulator, certificate: Option<&Path>, args: &Simulate) -> Variables {
    let text = str::to_owned;
    let mut canva =
        vec![("CANVA_BASE_URL", text(simulator.base_url())), ("CANVA_ACCESS_TOKEN", text(simulator.token()))];
    // As most programs, requests for Python, and Node want it.
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        canva.extend(certificate.map(|file| (name, file.to_string_lossy().into_owned())));
    }
    // The commands there count in the same window.
    canva.extend(args.rate_window.map(|window| (TEST_WINDOW, window.as_millis().to_string())));
    let oauth = vec![
        ("CANVA_CLIENT_ID", text(simulator.client_id())),
        ("CANVA_CLIENT_SECRET", text(simulator.client_secret())),
        ("CANVA_AUTHORIZATION_URL", text(simulator.authorization_url())),
        ("CANVA_TOKEN_URL", text(simulator.token_url())),
    ];
    let mut control = vec![("CANVA_SIMULATOR_URL", text(simulator.control_url()))];
    control.extend(simulator.control_token().map(|token| ("CANVA_SIMULATOR_TOKEN", text(token))));
    vec![canva, oauth, control]
}

/// Prints how to use the simulator. Over TLS, `certificate` is the file that clients have to trust.
fn print(simulator: &Simulator, variables: &Variables, certificate: Option<&Path>, output: &Output) -> io::Result<()> {
    let page = page(simulator);
    let json = json!({
        "base_url": simulator.base_url(),
        "access_token": simulator.token(),
        "client_id": simulator.client_id(),
        "client_secret": simulator.client_secret(),
        "authorization_url": simulator.authorization_url(),
        "token_url": simulator.token_url(),
        "certificate_file": certificate,
        "simulator_url": simulator.control_url(),
        "simulator_token": simulator.control_token(),
        "page_url": page,
    });
    let export = |(name, value): &(&str, String)| format!(" {name}={}", in_shell(value));
    let exports = variables.iter().map(|line| format!("export{}\n", line.iter().map(export).collect::<String>()));
    output.simulator(&json, exports.collect::<String>() + &format!("# {page} shows what happens.\n"))
}

/// Where a browser sees what happens.
fn page(simulator: &Simulator) -> String {
    let control = simulator.control_url();
    let page = format!("{}/", control.strip_suffix("/simulator").unwrap_or(control));
    let token = simulator.control_token().map(|token| Url::parse_with_params(&page, [("token", token)]));
    token.and_then(Result::ok).map_or(page, String::from)
}

fn in_shell(value: &str) -> String {
    if value.chars().all(env_file::is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

/// The warning of a simulator that isn't for this machine alone.
fn reached_from_elsewhere(simulator: &Simulator, hosts: &[String]) -> String {
    let base_url = simulator.base_url();
    let (scheme, rest) = base_url.split_once("://").unwrap_or_default();
    let port_and_path = rest.rsplit_once(':').map_or("", |(_, rest)| rest);
    let there = hosts.iter().map(|host| format!("{scheme}://{host}:{port_and_path}"));
    let there = there.collect::<Vec<_>>().join(" and ");
    let there = if there.is_empty() { "no name yet: add --host NAME".to_owned() } else { there };
    format!(
        "warning: other machines can reach this simulator, at {there}; whoever has CANVA_ACCESS_TOKEN can use it, and with \
         CANVA_SIMULATOR_TOKEN also steer it"
    )
}
