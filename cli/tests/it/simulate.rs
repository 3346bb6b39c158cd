//! `canva simulate` for other programs: what it prints, how it is set, what it logs, and how it ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Ran, Running, SimulatorProcess, assert_prints, canva, first_line, json, run};

/// Uploads a photo in a shell, after these lines of it.
fn upload_in_shell(lines: &str) -> Ran {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{lines}\nexec \"$0\" upload photo.png \"$@\"")).arg(env!("CARGO_BIN_EXE_canva"));
    shell.current_dir("../tests/fixtures");
    run(shell)
}

/// Ends it with this signal.
fn stop(mut simulator: Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &simulator.id().to_string()]).status().unwrap().success());
    assert_eq!(simulator.wait().unwrap().code(), Some(0), "{signal}");
}

#[test]
fn simulate_prints_what_a_shell_needs_to_use_it_until_ctrl_c() {
    let mut simulator = canva(["-q", "simulate", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let exports = first_line(&mut simulator);
    assert_eq!(exports.matches('=').count(), 2, "the variables of `canva` alone: {exports}");
    let uploaded = upload_in_shell(&exports).succeeded();
    assert!(uploaded.starts_with("photo.png\tMsim"), "{uploaded}");
    stop(simulator, "-INT");
}

#[test]
fn simulate_over_tls_prints_which_certificate_to_trust_and_takes_it_along() {
    let directory = tempfile::tempdir().unwrap();
    let temporary = directory.path().join("it's temporary");
    fs::create_dir(&temporary).unwrap();
    let mut simulator = canva(["-q", "simulate", "--port", "0", "--tls"]);
    simulator.env("TMPDIR", &temporary);
    let mut simulator = simulator.stdout(Stdio::piped()).spawn().unwrap();
    let exports = first_line(&mut simulator);
    assert!(exports.starts_with("export CANVA_BASE_URL=https://127.0.0.1:"), "{exports}");
    let uploaded = upload_in_shell(&exports).succeeded();
    assert!(uploaded.starts_with("photo.png\tMsim"), "{uploaded}");
    let untrusted = upload_in_shell(&format!("{exports}\nunset SSL_CERT_FILE; set -- --start-over"));
    assert_eq!(untrusted.code, Some(1), "{}", untrusted.stderr);
    stop(simulator, "-INT");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "the certificate is left behind");
}

#[test]
fn no_signal_makes_simulate_leave_its_certificate_behind() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let temporary = tempfile::tempdir().unwrap();
        let mut simulator = canva(["-q", "simulate", "--port", "0", "--tls"]);
        simulator.env("TMPDIR", temporary.path());
        let mut simulator = simulator.stdout(Stdio::piped()).spawn().unwrap();
        // At once.
        first_line(&mut simulator);
        stop(simulator, signal);
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "{signal}");
    }
}

/// What the consent page leads back with, for a program with the printed client: a code or an error.
fn consent(simulator: &SimulatorProcess, scope: &str) -> String {
    let text = |key| simulator.printed[key].as_str().unwrap();
    let (page, id) = (text("authorization_url"), text("client_id"));
    // The challenge is from RFC 7636.
    let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let page = format!("GET {page}?response_type=code&client_id={id}&scope={scope}&{challenge}");
    let response = simulator.send(&page, "", "");
    let location = response.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    location.split_once('?').unwrap().1.to_owned()
}

#[test]
fn a_user_is_logged_in_with_what_simulate_prints() {
    let simulator = SimulatorProcess::start();
    let text = |key| simulator.printed[key].as_str().unwrap();
    let client = format!("client_id={}&client_secret={}", text("client_id"), text("client_secret"));
    let code = consent(&simulator, "asset:read");
    let verifier = "code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let response = simulator.send(
        &format!("POST {}", text("token_url")),
        "content-type: application/x-www-form-urlencoded\r\n",
        &format!("{client}&grant_type=authorization_code&{code}&{verifier}"),
    );
    let granted: Value = serde_json::from_str(response.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let mut get = simulator.command(["get", "nope"]);
    get.env("CANVA_ACCESS_TOKEN", granted["access_token"].as_str().unwrap());
    assert_prints!(run(get).stderr, @"canva: nope: Canva answered 404 Not Found asset_not_found (request REQUEST): There is no such asset; check the id");
}

#[test]
fn a_simulator_has_the_scopes_job_time_and_rate_limits_that_it_is_given() {
    let simulator = SimulatorProcess::with(["--scopes", "asset:read,asset:write", "--job-time", "3600"]);
    let ran = simulator.run(["import", "deck.pdf"]);
    assert!(ran.stderr.ends_with("use a token with the scope design:content:write\n"), "{}", ran.stderr);
    assert!(consent(&simulator, "design:content:write").starts_with("error=invalid_scope"));
    let job = simulator.json(["upload", "photo.png", "--no-wait"])["job_id"].clone();
    assert_eq!(simulator.json(["job", job.as_str().unwrap()])["status"], "in_progress");

    for count in ["fixed-window", "sliding-window", "token-bucket"] {
        let simulator = SimulatorProcess::with(["--rate-limits", count, "--job-time", "0"]);
        let variables = simulator.variables();
        let authorization = format!("authorization: Bearer {}\r\n", variables[1].1);
        let import = || simulator.send(&format!("POST {}/v1/imports", variables[0].1), &authorization, "");
        // Refused for what they lack, and counted.
        assert!((0..20).all(|_| import().starts_with("HTTP/1.1 415")), "{count}");
        // One may be back in the bucket by now.
        assert!((0..5).any(|_| import().starts_with("HTTP/1.1 429")), "{count}");
        assert_eq!(simulator.json(["upload", "photo.png", "--no-wait"])["status"], "success");
    }
}

#[test]
fn simulate_says_when_its_port_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = run(canva(["simulate", "--port", &port]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains(&port) && ran.stderr.contains("--port"), "{}", ran.stderr);
}

/// A simulator whose stderr can be read, and what it printed.
struct Logging {
    running: Running,
    stderr: BufReader<ChildStderr>,
    printed: Value,
}

impl Logging {
    fn start(command: Command) -> Self {
        Self::wait_for(command, |line| json(line))
    }

    fn wait_for(mut command: Command, read: impl Fn(&str) -> Value) -> Self {
        let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let printed = read(&first_line(running.child()));
        let stderr = BufReader::new(running.child().stderr.take().unwrap());
        Self { running, stderr, printed }
    }

    /// Asks for an asset that isn't there, so often and one after the other, with this `Host` and `Authorization`.
    fn ask(&self, times: usize, host: &str, authorization: &str) -> String {
        let (_, address) = self.printed["base_url"].as_str().unwrap().split_once("://").unwrap();
        let mut stream = TcpStream::connect(address.trim_end_matches("/rest")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut response = String::new();
        for time in 1..=times {
            let end = if time == times { "close" } else { "keep-alive" };
            let head = "GET /rest/v1/assets/none?a=b HTTP/1.1\r\n";
            let headers = format!("host: {host}\r\nauthorization: {authorization}\r\nconnection: {end}\r\n");
            stream.write_all(format!("{head}{headers}\r\n").as_bytes()).unwrap();
            response.clear();
            if time == times {
                stream.read_to_string(&mut response).unwrap();
            } else {
                read_one(&mut stream);
            }
        }
        response
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// The rest of stderr, once a signal has ended it.
    fn end(mut self) -> String {
        self.running.signal("-INT");
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(self.running.status().code(), Some(0));
        rest
    }
}

/// Reads a response with a length.
fn read_one(stream: &mut TcpStream) {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    stream.read_exact(&mut vec![0; length]).unwrap();
}

fn simulate<'a>(options: impl IntoIterator<Item = &'a str>) -> Command {
    canva(["--json", "simulate", "--port", "0"].into_iter().chain(options))
}

#[test]
fn each_request_is_a_line_with_what_was_refused_and_why() {
    let mut simulator = Logging::start(simulate([]));
    simulator.ask(1, "localhost", "Bearer Bearer x");
    let line = simulator.line();
    let (time, line) = line.split_once(' ').unwrap();
    assert_eq!(time.split(':').count(), 3, "{time}");
    let line = regex::Regex::new(r"\d+ ms").unwrap().replace(line, "TIME");
    assert_prints!(line, @"#1 GET /rest/v1/assets/none?a=b 401 invalid_access_token TIME: Authorization says `Bearer` twice. [openapi.yaml#/components/securitySchemes/oauthAuthCode]");
    // The last lines aren't lost, either.
    simulator.ask(3, "localhost", "");
    let rest = simulator.end();
    let numbers: Vec<_> = rest.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(numbers, ["#2", "#3", "#4"], "{rest}");
}

#[test]
fn a_line_is_json_if_asked_for_and_none_is_written_with_quiet() {
    let mut simulator = Logging::start(simulate(["--log-format", "json"]));
    simulator.ask(1, "localhost", "Bearer secret");
    let line = simulator.line();
    assert!(!line.contains("secret"), "{line}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["number"], &line["operation"], &line["status"]), (&json!(1), &json!("getAsset"), &json!(401)));

    let simulator = Logging::start(simulate(["--quiet"]));
    simulator.ask(1, "localhost", "");
    assert_eq!(simulator.end(), "");
}

#[test]
fn a_log_that_nobody_reads_stalls_nothing_and_says_what_is_missing() {
    // More than a pipe and the lines that wait.
    const REQUESTS: usize = 3000;
    let mut simulator = Logging::start(simulate([]));
    simulator.ask(REQUESTS, "localhost", "");
    let (mut seen, mut missing) = (0, 0);
    while seen + missing < REQUESTS {
        let line = simulator.line();
        match line.strip_prefix("canva: lines missing here: ") {
            Some(rest) => missing += rest.split(';').next().unwrap().parse::<usize>().unwrap(),
            None => seen += 1,
        }
    }
    assert!(missing > 0);

    // And Ctrl-C ends it, although the log is stuck again.
    simulator.ask(REQUESTS, "localhost", "");
    let begun = Instant::now();
    simulator.running.signal("-INT");
    assert_eq!(simulator.running.status().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_client_can_have_a_fixed_secret_alone_or_a_fixed_id_alone() {
    let simulator = Logging::start(simulate(["--client-secret", "fixed"]));
    let [id, secret] = ["client_id", "client_secret"].map(|name| simulator.printed[name].clone());
    assert_eq!((id, secret), (json!("simulator-client"), json!("fixed")));
    simulator.end();
    let simulator = Logging::start(simulate(["--client-id", "shop"]));
    let secret = simulator.printed["client_secret"].as_str().unwrap();
    assert!(simulator.printed["client_id"] == "shop" && secret.starts_with("simulator-client-secret-"), "{secret}");
    simulator.end();
}

#[test]
fn what_an_option_sets_the_environment_sets_too() {
    let fixed = json!({
        "base_url": "https://127.0.0.1:PORT/rest",
        "access_token": "my token",
        "client_id": "shop",
        "client_secret": "it's one",
    });
    let options = [
        ("--bind", "CANVA_SIMULATE_BIND", "127.0.0.1"),
        ("--token", "CANVA_SIMULATE_TOKEN", "my token"),
        ("--client-id", "CANVA_SIMULATE_CLIENT_ID", "shop"),
        ("--client-secret", "CANVA_SIMULATE_CLIENT_SECRET", "it's one"),
        ("--redirect-uri", "CANVA_SIMULATE_REDIRECT_URI", "http://127.0.0.1:3001/a http://127.0.0.1:3001/b"),
        ("--token-lifetime", "CANVA_SIMULATE_TOKEN_LIFETIME", "60"),
        ("--scopes", "CANVA_SIMULATE_SCOPES", "asset:read,asset:write"),
        ("--rate-limits", "CANVA_SIMULATE_RATE_LIMITS", "fixed-window"),
        ("--rate-window", "CANVA_SIMULATE_RATE_WINDOW", "2"),
        ("--job-time", "CANVA_SIMULATE_JOB_TIME", "1"),
        ("--seed", "CANVA_SIMULATE_SEED", "kinds"),
        ("--log-format", "CANVA_SIMULATE_LOG_FORMAT", "json"),
    ];
    let mut by_option = canva(["--json", "--quiet", "simulate", "--port", "0", "--tls"]);
    let mut by_environment = canva(["--json", "--quiet", "simulate"]);
    by_environment.env("CANVA_SIMULATE_PORT", "0").env("CANVA_SIMULATE_TLS", "true");
    for (option, variable, value) in options {
        by_option.args([option, value]);
        by_environment.env(variable, value);
    }
    for command in [by_option, by_environment] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = command;
        command.env("TMPDIR", temporary.path());
        let simulator = Logging::start(command);
        let mut printed = simulator.printed.clone();
        let base_url = printed["base_url"].as_str().unwrap().to_owned();
        let port = base_url.trim_end_matches("/rest").rsplit(':').next().unwrap();
        printed["base_url"] = base_url.replace(port, "PORT").into();
        for (name, value) in fixed.as_object().unwrap() {
            assert_eq!(&printed[name], value);
        }
        simulator.end();
    }
}

#[test]
fn an_option_goes_before_the_environment() {
    let mut command = simulate(["--token", "option"]);
    command.env("CANVA_SIMULATE_TOKEN", "environment");
    assert_eq!(Logging::start(command).printed["access_token"], "option");
}

#[test]
fn the_consent_page_leads_back_to_the_redirect_uris_alone() {
    let uri = "http://127.0.0.1:3001/back";
    let simulator = SimulatorProcess::with(["--redirect-uri", uri, "--token-lifetime", "60"]);
    assert!(consent(&simulator, "asset:read").starts_with("code="));
    let page = simulator.printed["authorization_url"].as_str().unwrap();
    let challenge = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let query = format!("response_type=code&client_id=simulator-client&scope=asset:read&{challenge}");
    let elsewhere = format!("GET {page}?{query}&redirect_uri=http://127.0.0.1:3001/elsewhere");
    let refused = simulator.send(&elsewhere, "", "");
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains(uri), "{refused}");
}

#[test]
fn faults_outcomes_files_and_a_library_are_there_from_the_start() {
    let directory = tempfile::tempdir().unwrap();
    for (fixture, name) in [("photo.png", "Photo.png"), ("deck.pdf", "Deck.pdf"), ("notes.txt", "Notes.txt")] {
        fs::copy(Path::new("../tests/fixtures").join(fixture), directory.path().join(name)).unwrap();
    }
    let mut command = simulate(["--seed", directory.path().to_str().unwrap()]);
    command.args(["--fault", "operation=getAsset,fault=respond,status=403,code=permission_denied,times=1"]);
    command.args(["--fault", r#"{"operation": "deleteAsset", "fault": "respond", "status": 403}"#]);
    command.args(["--job", "name=broken*,code=import_failed,message=It broke."]);
    command.args(["--url", "https://example.com/a.png?size=1=photo.png"]);
    let mut simulator = Logging::start(command);
    let refused = simulator.line();
    assert!(refused.contains("Notes.txt: ") && refused.contains("no image or video"), "{refused}");
    assert!(simulator.line().contains("has 2 of the files in "));

    let text = |key: &str| simulator.printed[key].as_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        let mut command = canva(args.iter().copied());
        run({
            command.env("CANVA_BASE_URL", text("base_url")).env("CANVA_ACCESS_TOKEN", text("access_token"));
            command
        })
    };
    let listed = run(&["--json", "list", "uploads"]).json();
    assert_eq!((listed.len(), &listed[0]["item"]["image"]["name"]), (1, &json!("Photo.png")));
    let id = listed[0]["item"]["image"]["id"].as_str().unwrap();
    assert_eq!(run(&["--json", "design", "list"]).json()[0]["design"]["title"], "Deck");
    assert_eq!(run(&["--json", "get", id]).json()[0]["error"]["code"], "permission_denied");
    assert_eq!(run(&["--json", "get", id]).json()[0]["status"], "success");
    assert_eq!(run(&["delete", id]).code, Some(1));
    let broken = run(&["--json", "upload", "photo.png", "--name", "broken 1"]).json();
    assert_eq!(broken[0]["error"]["code"], "import_failed");
    let fetched = run(&["--json", "upload-url", "https://example.com/a.png?size=1", "--name", "A"]).json();
    assert_eq!(fetched[0]["status"], "success");

    // What was there at the start is there again after a reset.
    let host = text("base_url").trim_start_matches("http://").trim_end_matches("/rest").to_owned();
    let mut stream = TcpStream::connect(&host).unwrap();
    write!(stream, "POST /simulator/reset HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 204"), "{response}");
    assert_eq!(run(&["--json", "list", "uploads"]).json().len(), 1);
    simulator.end();
}

#[test]
fn under_another_name_it_is_reached_with_a_warning_and_steered_with_a_token() {
    let mut simulator = Logging::start(simulate(["--bind", "0.0.0.0", "--host", "canva,10.0.0.7"]));
    let warning = simulator.line();
    assert!(warning.contains("warning: other machines") && warning.contains("http://canva:"), "{warning}");
    assert!(warning.contains("/rest and http://10.0.0.7:"), "{warning}");
    let token = simulator.printed["simulator_token"].as_str().unwrap();
    assert!(!warning.contains(token));
    assert!(simulator.printed["page_url"].as_str().unwrap().ends_with(&format!("/?token={token}")));
    assert!(simulator.ask(1, "canva:4080", "").starts_with("HTTP/1.1 401"));
    assert!(simulator.ask(1, "elsewhere", "").starts_with("HTTP/1.1 403"));
    simulator.end();

    let simulator = Logging::start(simulate(["--control-token", "a+b/c="]));
    let page = simulator.printed["page_url"].as_str().unwrap();
    assert!(page.ends_with("/?token=a%2Bb%2Fc%3D"), "{page}");
    simulator.end();

    let simulator = Logging::start(simulate([]));
    assert_eq!(simulator.printed["simulator_token"], Value::Null);
    assert_eq!(simulator.end(), "");
}

#[test]
fn an_env_file_is_there_while_the_simulator_can_be_used() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".env.canva");
        // What a killed simulator left behind is no sign that this one is ready.
        fs::write(&file, "# Written by `canva simulate`, which removes it when it ends.\nOLD=1\n").unwrap();
        let mut command = simulate(["--env-file", file.to_str().unwrap(), "--tls"]);
        let child =
            command.env("TMPDIR", directory.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !fs::read_to_string(&file).is_ok_and(|text| !text.contains("OLD")) {
            assert!(begun.elapsed() < Duration::from_secs(60), "there is no file");
            std::thread::sleep(Duration::from_millis(5));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let uploaded = upload_in_shell(&format!("set -a; . '{}'", file.display())).succeeded();
        assert!(uploaded.starts_with("photo.png\tMsim"), "{uploaded}");
        stop(child, signal);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{signal}");
    }
}

/// Loads the file as programs do, and prints the names and values in it as JSON.
const READERS: [(&str, &[&str]); 3] = [
    ("node", &["--env-file", "FILE", "-e", "console.log(JSON.stringify(process.env))"]),
    ("python3", &["-c", "import dotenv, json; print(json.dumps(dotenv.dotenv_values('FILE')))"]),
    ("sh", &["-c", "set -a; . 'FILE'; python3 -c 'import os, json; print(json.dumps(dict(os.environ)))'"]),
];

#[test]
fn an_env_file_reads_alike_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("env");
    let plain = "a@b%c+d=e:f,g.h/i_j-k";
    let simulator = Logging::start(simulate(["--env-file", file.to_str().unwrap(), "--token", plain]));
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "there is no file");
        std::thread::sleep(Duration::from_millis(5));
    }
    // As Docker reads it: every line is a comment, or a name and all that stands behind `=`.
    let lines = fs::read_to_string(&file).unwrap();
    assert!(lines.lines().skip(1).all(|line| line.starts_with("CANVA_") && line.contains('=')), "{lines}");
    assert!(lines.contains(&format!("\nCANVA_ACCESS_TOKEN={plain}\n")), "{lines}");
    for (program, args) in READERS {
        let args = args.iter().map(|argument| argument.replace("FILE", file.to_str().unwrap()));
        let Ok(ran) = Command::new(program).args(args).output() else { continue };
        let Ok(read) = serde_json::from_slice::<Value>(&ran.stdout) else {
            eprintln!("skipped: {program} can't read such files here");
            continue;
        };
        for line in lines.lines().skip(1) {
            let (name, value) = line.split_once('=').unwrap();
            assert_eq!(read[name], value, "{program}");
        }
    }
    simulator.end();
}

#[test]
fn an_env_file_that_is_somebody_elses_or_cant_be_true_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("env");
    let path = file.to_str().unwrap();
    let refused = |options: &[&str], what: &str| {
        let ran = run(simulate(["--env-file"].into_iter().chain(options.iter().copied())));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("--env-file") && ran.stderr.contains(what), "{}", ran.stderr);
    };
    refused(&[path, "--token", "it's secret"], "CANVA_ACCESS_TOKEN has a character");
    refused(&["nowhere/env"], "nowhere/env");
    assert!(!file.exists());
    fs::write(&file, "MINE=1\n").unwrap();
    refused(&[path], "isn't overwritten");
    assert_eq!(fs::read_to_string(&file).unwrap(), "MINE=1\n");
    refused(&[directory.path().to_str().unwrap()], "isn't overwritten");
    fs::remove_file(&file).unwrap();
    let first = Logging::start(simulate(["--env-file", path]));
    let written = fs::read_to_string(&file).unwrap();
    refused(&[path], "another simulator, which still runs");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    first.end();
    assert!(!file.exists());
    refused(&["/dev/null"], "isn't overwritten");
}

#[test]
fn settings_that_cant_be_followed_are_refused_with_the_reason() {
    let cases: &[(&[&str], &str)] = &[
        (&["--bind", "canva"], "--bind"),
        (&["--host", "a b"], "is no host"),
        (&["--token", ""], "--token"),
        (&["--redirect-uri", "back"], "back"),
        (&["--rate-window", "5"], "--rate-limits"),
        (&["--fault", "operation=nope,fault=close"], "`nope`"),
        (&["--fault", "operation=getAsset"], "fault"),
        (&["--fault", "getAsset"], "name=value"),
        (&["--job", "kind=video,seconds=1"], "video"),
        (&["--job", "name=a*"], "needs a code"),
        (&["--url", "https://example.com/a.png"], "URL=FILE"),
        (&["--url", "https://example.com/a.png=missing.png"], "missing.png"),
        (&["--url", "ftp://example.com/a.png=photo.png"], "http"),
        (&["--seed", "missing"], "--seed missing: "),
        (&["--seed", "photo.png"], "--seed photo.png: "),
        (&["--log-format", "yaml"], "text, json"),
    ];
    for (options, reason) in cases {
        let ran = run(simulate(options.iter().copied()));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{options:?}");
        assert!(ran.stderr.contains(reason), "{options:?}: {}", ran.stderr);
    }
}

#[test]
fn the_manual_has_every_option() {
    let help = run(canva(["simulate", "-h"])).succeeded();
    let (help, _) = help.split_once("Options of all commands:").unwrap();
    let options = help.lines().filter_map(|line| line.strip_prefix("      --")?.split(' ').next());
    let manual = fs::read_to_string("../docs/cli.md").unwrap();
    let (_, table) = manual.split_once("| option | sets |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let first_column = table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let named = first_column.flat_map(|names| names.split('`')).filter_map(|name| name.strip_prefix("--"));
    assert_eq!(named.collect::<BTreeSet<_>>(), options.collect::<BTreeSet<_>>());
}

/// Files of more than 256 MiB in all are in a temporary file.
#[test]
fn a_file_for_which_the_disk_has_no_room_fails_its_job_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let film = directory.path().join("film.mp4");
    let mut bytes = fs::read("../tests/fixtures/clip.mp4").unwrap();
    let free = 100_000_000 - bytes.len() as u32;
    bytes.extend_from_slice(&free.to_be_bytes());
    bytes.extend_from_slice(b"free");
    bytes.resize(100_000_000, 0);
    fs::write(&film, bytes).unwrap();
    let simulator = SimulatorProcess::start();
    // From now on, no temporary file can be made.
    fs::remove_dir(simulator.temporary.path()).unwrap();
    let film = film.to_str().unwrap();
    for _ in 0..2 {
        assert_eq!(simulator.json(["upload", film, "--start-over"])["status"], "success");
    }
    let failed = simulator.json(["upload", film, "--start-over"]);
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("internal_error")), "{failed}");
    assert_eq!(simulator.json(["upload", "photo.png"])["status"], "success");
}
