//! `canva login` makes every command work, for as long as Canva lets it, and shows no one a secret.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::common::{Ran, Response, Running, SimulatorProcess, Stub, TOKEN, canva, run, wait_until};

/// A person's own directory, on a machine that has no keyring.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.program("secret-tool", "echo 'secret-tool: no keyring here' >&2; exit 1");
        home
    }

    /// A machine that has one: this directory.
    fn with_keyring() -> Self {
        let home = Self::new();
        fs::create_dir(home.path("keyring")).unwrap();
        let script = format!(
            "for name; do :; done\nfile={}/$(echo \"$name\" | tr / _)\n\
             case $1 in store) cat >\"$file\";; lookup) test -f \"$file\" && cat \"$file\";; clear) rm \"$file\";; esac",
            home.path("keyring").display(),
        );
        home.program("secret-tool", &script);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::create_dir_all(self.path("bin")).unwrap();
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o700)).unwrap();
    }

    /// A command of this person, with the simulator's OAuth client.
    fn command<'a>(&self, simulator: &SimulatorProcess, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = canva(args);
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("XDG_STATE_HOME", self.0.path()).env("PATH", path);
        for name in ["base_url", "client_id", "client_secret", "authorization_url", "token_url"] {
            command.env(format!("CANVA_{}", name.to_uppercase()), simulator.printed[name].as_str().unwrap());
        }
        command
    }

    fn run<'a>(&self, simulator: &SimulatorProcess, args: impl IntoIterator<Item = &'a str>) -> Ran {
        run(self.command(simulator, args))
    }

    /// Where the address is that the command opens in the browser.
    fn opened(&self) -> PathBuf {
        let opened = self.path("opened");
        self.program("xdg-open", &format!("echo \"$1\" >{0}.new; mv {0}.new {0}", opened.display()));
        opened
    }

    /// The file that the login is in.
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("canva/login")).into_iter().flatten().map(|file| file.unwrap().path());
        files.find(|file| file.extension().is_some_and(|it| it == "json")).unwrap()
    }

    fn login(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    /// The login, changed as another day or program would.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut login = self.login();
        change(&mut login);
        fs::write(self.file(), login.to_string()).unwrap();
    }
}

/// A `canva login` that waits for the browser.
struct Login {
    running: Running,
    stderr: BufReader<ChildStderr>,
    said: String,
    url: String,
}

impl Login {
    /// With any free port.
    fn begin(home: &Home, simulator: &SimulatorProcess, options: &[&str]) -> Self {
        let args = ["login", "--no-browser", "--port", "0"];
        Self::of(&mut home.command(simulator, args.iter().chain(options).copied()))
    }

    fn of(command: &mut Command) -> Self {
        let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut stderr = BufReader::new(running.child().stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "no address: {said}");
            said += &line;
            if let Some(url) = line.strip_prefix("  http") {
                break format!("http{}", url.trim_end());
            }
        };
        Self { running, stderr, said, url }
    }

    /// Where the browser comes back to, with a query of the test's own.
    fn redirect(&self, query: &str) -> String {
        let encoded = self.parameter("redirect_uri");
        format!("{}?{query}", encoded.replace("%3A", ":").replace("%2F", "/"))
    }

    fn parameter(&self, name: &str) -> &str {
        let (_, query) = self.url.split_once('?').unwrap();
        query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('=')).unwrap()
    }

    fn ended(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let ran = self.running.ended();
        Ran { stderr: self.said, ..ran }
    }
}

/// The page that a browser ends at.
fn browse(url: &str) -> String {
    let (head, body) = get(url, url);
    match head.lines().find_map(|line| line.strip_prefix("location: ")) {
        Some(url) => browse(url),
        None => body,
    }
}

/// Head and body of a response. The header `host` is that of the second URL.
fn get(url: &str, as_if: &str) -> (String, String) {
    let parts =
        |url: &str| url.strip_prefix("http://").unwrap().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let ((address, path), (host, _)) = (parts(url).unwrap(), parts(as_if).unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).unwrap()
}

/// A person who has logged in.
fn logged_in(simulator: &SimulatorProcess) -> Home {
    let home = Home::new();
    log_in(&home, simulator);
    home
}

fn log_in(home: &Home, simulator: &SimulatorProcess) -> Ran {
    let login = Login::begin(home, simulator, &[]);
    assert!(browse(&login.url).contains("You are logged in."));
    let ran = login.ended();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn count(simulator: &SimulatorProcess, home: &Home) -> Option<i32> {
    home.run(simulator, ["whoami"]).code
}

#[test]
fn after_a_login_every_command_works_and_it_is_said_who_logged_in_and_what_comes_next() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let login = Login::begin(&home, &simulator, &[]);
    let page = browse(&login.url);
    let ran = login.ended();
    assert_eq!((ran.code, page.contains("You are logged in.")), (Some(0), true), "{}", ran.stderr);
    let file = home.file();
    let expires = home.login()["tokens"]["expires_at"].as_u64().unwrap();
    let until = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(expires));
    assert_eq!(
        ran.stdout,
        format!(
            "name       oSimulatedUser\nuser       oSimulatedUser\nteam       oSimulatedTeam\n\
             scopes     asset:read asset:write design:content:write design:meta:read folder:read folder:write profile:read\n\
             token      of the login, until {until}, then it is renewed\n\
             stored     {}, which only you can read\n",
            file.display()
        )
    );
    let last = ran.stderr.lines().last().unwrap();
    assert!(["renew", "`canva status`", "`canva logout`"].iter().all(|it| last.contains(it)), "{last}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    home.run(&simulator, ["upload", "photo.png"]).succeeded();
    assert!(home.run(&simulator, ["list"]).succeeded().contains("photo.png"));
    assert!(home.run(&simulator, ["whoami"]).succeeded().contains("oSimulatedUser"));
    assert_eq!(home.run(&simulator, ["status"]).succeeded(), ran.stdout);
}

#[test]
fn a_browser_is_opened() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let opened = home.opened();
    let login = Login::of(&mut home.command(&simulator, ["login", "--port", "0"]));
    wait_until("the browser", || opened.exists());
    assert_eq!(fs::read_to_string(opened).unwrap().trim_end(), login.url);
    browse(&login.url);
    assert_eq!(login.ended().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_allows_in_the_browser_what_the_command_asks_for() {
    let Some(browser) = Browser::start().await else { return };
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let opened = home.opened();
    let login = Login::of(&mut home.command(&simulator, ["login", "--port", "0"]));
    wait_until("the browser", || opened.exists());
    browser.open(fs::read_to_string(opened).unwrap().trim_end()).await;
    for said in ["use your Canva account?", "Upload images and videos for you", "Both answers lead back to"] {
        browser.until_says(said).await;
    }
    browser.click("button[value=allow]").await;
    browser.until_says("You are logged in").await;
    assert_eq!(login.ended().code, Some(0));
    home.run(&simulator, ["whoami"]).succeeded();
}

#[test]
fn where_the_browser_cannot_come_back_its_address_is_pasted() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let args = ["login", "--no-browser", "--port", "0"];
    let mut login = Login::of(home.command(&simulator, args).stdin(Stdio::piped()));
    let (head, _) = get(&login.url, &login.url);
    let back = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let mut stdin = login.running.child().stdin.take().unwrap();
    write!(stdin, "\n{back}\n").unwrap();
    let ran = login.ended();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("paste it here"), "{}", ran.stderr);
    assert_eq!(count(&simulator, &home), Some(0));
}

#[test]
fn only_the_browser_that_comes_back_is_listened_to() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let login = Login::begin(&home, &simulator, &[]);
    let here = login.redirect("code=c&state=s");
    // A browser opens connections that it doesn't use.
    let silent = TcpStream::connect(here.split('/').nth(2).unwrap()).unwrap();
    let others = [
        get(&here.replace("/callback", "/favicon.ico"), &here),
        get(&here.replace("/callback", "/callback/more"), &here),
        get(&here, "http://attacker.example/"),
        get(&here, &here.replace("127.0.0.1", "localhost")),
    ];
    for (head, body) in others {
        assert!(head.starts_with("HTTP/1.1 404 ") && body.contains("Nothing is here"), "{head}");
    }
    assert!(browse(&login.url).contains("You are logged in."));
    assert_eq!(login.ended().code, Some(0));
    drop(silent);
}

#[test]
fn a_login_that_fails_says_why_in_one_line_and_keeps_nothing() {
    let simulator = SimulatorProcess::with(["--scopes", "asset:read"]);
    let home = Home::new();
    let consent = |login: &Login| browse(&login.url);
    let back = |query: &'static str| {
        move |login: &Login| browse(&login.redirect(&query.replace("STATE", login.parameter("state"))))
    };
    type Visit<'a> = &'a dyn Fn(&Login) -> String;
    let cases: [(&[&str], Visit<'_>, &str); 5] = [
        (
            &[],
            &back("error=access_denied&state=STATE"),
            "canva: access was denied in the browser; run `canva login` again",
        ),
        (&[], &back("code=c&state=another"), "canva: what came back belongs to another login; run `canva login` again"),
        (&[], &back("state=STATE"), "canva: the redirect must have exactly one `code`"),
        (&[], &back("code=unknown&state=STATE"), "canva: Canva refused the integration: "),
        (&[], &consent, "canva: Canva ended the login with invalid_scope: "),
    ];
    for (options, visit, expected) in cases {
        let login = Login::begin(&home, &simulator, options);
        let page = visit(&login);
        let ran = login.ended();
        let last = ran.stderr.lines().last().unwrap();
        assert!(last.starts_with(expected) && last.contains("; "), "{last}");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{last}");
        assert!(page.contains("You are not logged in."), "{page}");
    }
    let ran = Login::begin(&home, &simulator, &["--timeout", "0.1"]).ended();
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.ends_with("did not come back within 0 s; run `canva login` again\n"), "{}", ran.stderr);

    let mut login = Login::begin(&home, &simulator, &[]);
    login.running.signal("-INT");
    assert_eq!(login.ended().code, Some(130));

    let mut wrong = home.command(&simulator, ["login", "--no-browser", "--port", "0", "--scopes", "asset:read"]);
    let login = Login::of(wrong.env("CANVA_CLIENT_SECRET", "wrong-s3cret"));
    browse(&login.url);
    let ran = login.ended();
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.ends_with("; check the client id and secret\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("wrong-s3cret"));

    assert_eq!(home.run(&simulator, ["status"]).code, Some(3));
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_is_opened() {
    let simulator = SimulatorProcess::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = Home::new().run(&simulator, ["login", "--port", &port]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with(&format!("canva: can't listen on port {port} for the browser: ")), "{}", ran.stderr);
    assert!(ran.stderr.contains("another with --port") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
}

#[test]
fn a_narrower_login_gets_its_scopes_and_what_it_lacks_is_mended_by_another_login() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let login = Login::begin(&home, &simulator, &["--scopes", "asset:read,asset:write"]);
    browse(&login.url);
    let ran = login.ended();
    assert!(ran.stdout.contains("\nscopes     asset:read asset:write\n"), "{}", ran.stdout);
    let ran = home.run(&simulator, ["list"]);
    assert_eq!(ran.code, Some(1));
    let step = "; run `canva login`, which asks for the scope folder:read; the integration must have it enabled\n";
    assert!(ran.stderr.ends_with(step), "{}", ran.stderr);
    log_in(&home, &simulator);
    assert_eq!(home.run(&simulator, ["list"]).code, Some(0));
}

#[test]
fn the_secret_comes_from_a_file_or_standard_input_and_stays_for_the_next_login() {
    let simulator = SimulatorProcess::start();
    let secret = simulator.printed["client_secret"].as_str().unwrap();
    let home = Home::new();
    fs::write(home.path("secret"), format!("{secret}\n")).unwrap();
    let file = home.path("secret");
    for (given, input) in [(Some(file.to_str().unwrap()), ""), (Some("-"), secret), (None, "")] {
        let mut args = vec!["login", "--no-browser", "--port", "0"];
        args.extend(given.iter().flat_map(|file| ["--client-secret-file", file]));
        let mut command = home.command(&simulator, args);
        command.env_remove("CANVA_CLIENT_SECRET").stdin(Stdio::piped());
        let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        running.child().stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let mut stderr = BufReader::new(running.child().stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("  http") {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        let url = said.lines().find_map(|line| line.strip_prefix("  ")).unwrap().to_owned();
        browse(&url);
        let ran = Login { running, stderr, said, url }.ended();
        assert_eq!(ran.code, Some(0), "{given:?}: {}", ran.stderr);
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret));
    }

    let mut command = home.command(&simulator, ["login", "--port", "0", "--client-id", "another"]);
    let ran = run({
        command.env_remove("CANVA_CLIENT_SECRET");
        command
    });
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("canva: no client id and secret, and no terminal to ask on; "), "{}", ran.stderr);
}

/// A command line on a terminal, for which a person types.
struct Session {
    running: Running,
    stdin: ChildStdin,
    stdout: ChildStdout,
    screen: String,
}

impl Session {
    /// The line has the command as `$canva`. The environment is that of the command.
    fn new(line: &str, command: &Command) -> Self {
        let mut script = Command::new("script");
        // By the shell that is everywhere, not by the user's own.
        script.args(["-qec", line, "/dev/null"]).env("SHELL", "/bin/sh").env("canva", env!("CARGO_BIN_EXE_canva"));
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let mut running = Running::start(script.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (stdin, stdout) = (running.child().stdin.take().unwrap(), running.child().stdout.take().unwrap());
        Self { running, stdin, stdout, screen: String::new() }
    }

    fn shows(&mut self, text: &str) -> &str {
        while !self.screen.contains(text) {
            let mut part = [0; 1024];
            let read = self.stdout.read(&mut part).unwrap();
            assert_ne!(read, 0, "{text} never came: {}", self.screen);
            self.screen += std::str::from_utf8(&part[..read]).unwrap();
        }
        &self.screen
    }

    fn press(&mut self, keys: &str) {
        self.stdin.write_all(keys.as_bytes()).unwrap();
    }
}

#[test]
fn on_a_terminal_the_integration_is_explained_and_the_secret_is_asked_for_without_echo() {
    let simulator = SimulatorProcess::start();
    let [id, secret] = ["client_id", "client_secret"].map(|name| simulator.printed[name].as_str().unwrap());
    let home = Home::new();
    let mut command = home.command(&simulator, []);
    command.env_remove("CANVA_CLIENT_ID").env_remove("CANVA_CLIENT_SECRET");
    let mut session = Session::new("$canva login --no-browser --port 0", &command);
    let guide = session.shows("Client ID: ");
    let parts = ["https://www.canva.com/developers/integrations", "asset:read, asset:write", "URL http://127.0.0.1:"];
    assert!(parts.iter().all(|part| guide.contains(part)), "{guide}");
    session.press(&format!("{id}\n"));
    session.shows("Client secret (not shown): ");
    session.press(&format!("{secret}\n"));
    let screen = session.shows("S256\r\n");
    assert!(screen.contains(id) && !screen.contains(secret), "{screen}");
    let is_address = |word: &&str| word.starts_with("http://127") && word.contains("S256");
    browse(screen.split_whitespace().find(is_address).unwrap());
    session.shows("`canva logout`");
    assert!(session.running.status().success());
}

#[test]
fn whatever_stops_the_question_for_the_secret_leaves_the_terminal_as_it_was() {
    // Ctrl-C reaches the shell too, which has to live on to tell how the command ended.
    let line = "trap : INT; echo $$; $canva login --client-id id --port 0; echo rc=$?; stty -a | grep -we -echo -e -isig -e -icanon || echo sane";
    for (signal, code) in [("ctrl-c", 130), ("-TERM", 143)] {
        let home = Home::new();
        let mut session = Session::new(line, canva([]).env("XDG_STATE_HOME", home.0.path()));
        let screen = session.shows("Client secret (not shown): ");
        let shell = screen.lines().next().unwrap().trim().to_owned();
        match signal {
            "ctrl-c" => session.press("\u{3}"),
            _ => assert!(Command::new("pkill").args([signal, "-P", &shell]).status().unwrap().success()),
        }
        session.shows(&format!("rc={code}\r\n"));
        session.shows("sane");
    }
}

#[test]
fn many_commands_at_once_renew_the_tokens_once() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let before = home.login()["tokens"].clone();
    home.change(|login| login["tokens"]["expires_at"] = json!(1));
    let start = |_| {
        let mut command = home.command(&simulator, ["whoami"]);
        Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    };
    let running: Vec<Running> = (0..8).map(start).collect();
    for running in running {
        // A refresh token that is used twice ends the login.
        assert!(running.ended().succeeded().contains("oSimulatedUser"));
    }
    let after = home.login()["tokens"].clone();
    assert!(["access_token", "refresh_token"].iter().all(|it| after[it] != before[it]));
    assert!(home.run(&simulator, ["whoami"]).succeeded().contains("oSimulatedUser"));
    assert_eq!(home.login()["tokens"], after);
}

/// A token endpoint that gives new tokens when it is told to.
struct SlowEndpoint(TcpListener);

impl SlowEndpoint {
    fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/token", self.0.local_addr().unwrap())
    }

    fn answer(&self, meanwhile: impl FnOnce(), tokens: &Value) {
        let (mut stream, _) = self.0.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        meanwhile();
        let body = tokens.to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
        write!(stream, "{head}\r\nconnection: close\r\n\r\n{body}").unwrap();
    }
}

/// A command that renews the tokens of the login, at an endpoint that answers when the test wants it to.
fn renewing(simulator: &SimulatorProcess, home: &Home) -> (Running, SlowEndpoint) {
    let endpoint = SlowEndpoint::start();
    home.change(|login| {
        login["token_url"] = json!(endpoint.url());
        login["tokens"]["expires_at"] = json!(1);
    });
    let mut command = home.command(simulator, ["whoami"]);
    (Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped())), endpoint)
}

fn next() -> Value {
    json!({ "access_token": "next", "refresh_token": "the-next-one", "expires_in": 14400 })
}

#[test]
fn what_canva_grants_less_than_was_asked_for_is_said() {
    let simulator = SimulatorProcess::start();
    let home = Home::new();
    let endpoint = SlowEndpoint::start();
    let mut command =
        home.command(&simulator, ["login", "--no-browser", "--port", "0", "--scopes", "asset:read,email"]);
    let login = Login::of(command.env("CANVA_TOKEN_URL", endpoint.url()));
    let url = login.url.clone();
    let browser = std::thread::spawn(move || browse(&url));
    let token = &simulator.printed["access_token"];
    let tokens = json!({ "access_token": token, "refresh_token": "r", "expires_in": 14400, "scope": "asset:read" });
    endpoint.answer(|| (), &tokens);
    let ran = login.ended();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("Canva has not granted email; commands that need it will say so\n"), "{}", ran.stderr);
    browser.join().unwrap();
}

#[test]
fn a_command_that_is_stopped_while_it_renews_the_tokens_saves_them_first() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let (mut running, endpoint) = renewing(&simulator, &home);
    endpoint.answer(|| running.signal("-INT"), &next());
    let ran = running.ended();
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert_eq!(home.login()["tokens"]["refresh_token"], "the-next-one");
}

#[test]
fn new_tokens_that_cannot_be_saved_are_not_lost_in_silence() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let (running, endpoint) = renewing(&simulator, &home);
    endpoint.answer(|| fs::remove_dir_all(home.path("canva/login")).unwrap(), &next());
    let ran = running.ended();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains(": the token store failed: /"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("; if Canva takes the login no more, run `canva login`\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("the-next-one"), "{}", ran.stderr);
}

#[test]
fn a_login_that_has_ended_names_the_command_that_makes_a_new_one() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    home.change(|login| {
        login["tokens"]["expires_at"] = json!(1);
        login["tokens"]["refresh_token"] = json!("used-before");
    });
    for command in ["whoami", "status"] {
        let ran = home.run(&simulator, ["--json", command]);
        assert_eq!(ran.code, Some(3));
        assert_eq!(ran.json()[0]["error"]["code"], "login_required");
        assert!(ran.stderr.ends_with("; run `canva login`\n"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("used-before"));
    }
}

#[test]
fn a_command_never_goes_on_as_another_user() {
    let simulator = SimulatorProcess::with(["--job-time", "3600"]);
    let home = logged_in(&simulator);
    let uploaded = home.run(&simulator, ["--json", "upload", "--no-wait", "photo.png"]);
    let job = uploaded.json()[0]["job_id"].as_str().unwrap().to_owned();
    let mut command = home.command(&simulator, ["job", "--wait", &job]);
    let waiting = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let first = home.file();
    let file = fs::read(&first).unwrap();
    let login = Login::begin(&home, &simulator, &[]);
    browse(&format!("{}&user=ben", login.url));
    assert_eq!(login.ended().code, Some(0));
    // The first user's tokens end, as after a day.
    let token = serde_json::from_slice::<Value>(&file).unwrap()["tokens"]["refresh_token"].as_str().unwrap().to_owned();
    let [id, secret, url] =
        ["client_id", "client_secret", "token_url"].map(|it| simulator.printed[it].as_str().unwrap());
    let form = format!("token={token}&client_id={id}&client_secret={secret}");
    let revoke = format!("POST {}", url.replace("/token", "/revoke"));
    let response = simulator.send(&revoke, "content-type: application/x-www-form-urlencoded\r\n", &form);
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let ran = waiting.ended();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("another user has logged in since"), "{}", ran.stderr);
    assert_eq!(home.login()["user_id"], "ben");
}

#[test]
fn a_logout_ends_the_login_at_canva_and_forgets_it() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let token = home.login()["tokens"]["access_token"].as_str().unwrap().to_owned();
    let file = home.file();
    assert_eq!(home.run(&simulator, ["logout"]).succeeded(), "logged out\n");
    assert!(!file.exists());
    let mut command = home.command(&simulator, ["--json", "whoami"]);
    command.env("CANVA_ACCESS_TOKEN", token);
    assert_eq!(run(command).json()[0]["error"]["code"], "revoked_access_token");
    for command in ["whoami", "status", "logout"] {
        let ran = home.run(&simulator, [command]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
        assert!(ran.stderr.contains("; run `canva login`, set CANVA_ACCESS_TOKEN "), "{}", ran.stderr);
    }
}

#[test]
fn a_logout_that_canva_does_not_confirm_forgets_all_the_same() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let logout = home.command(&simulator, ["logout"]);
    let file = home.file();
    drop(simulator);
    let ran = run(logout);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(
        ran.stderr.starts_with("canva: the login is forgotten here, but Canva has not confirmed"),
        "{}",
        ran.stderr
    );
    assert!(!file.exists());
}

#[test]
fn with_a_keyring_the_file_is_sealed_and_useless_without_it() {
    let simulator = SimulatorProcess::start();
    let home = Home::with_keyring();
    let ran = log_in(&home, &simulator);
    let file = home.file();
    let stored = format!("stored     {}, sealed with a key in the keyring\n", file.display());
    assert!(ran.stdout.ends_with(&stored), "{}", ran.stdout);
    let text = fs::read_to_string(&file).unwrap();
    for secret in [simulator.printed["client_secret"].as_str().unwrap(), "token", "oSimulatedUser"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(count(&simulator, &home), Some(0));
    let keys = || fs::read_dir(home.path("keyring")).unwrap().map(|key| key.unwrap().path()).collect::<Vec<_>>();
    let [key] = <[PathBuf; 1]>::try_from(keys()).unwrap();
    // Another login is sealed with the same key, for commands that run meanwhile.
    let before = fs::read(&key).unwrap();
    log_in(&home, &simulator);
    assert_eq!(fs::read(&key).unwrap(), before);

    fs::rename(&key, home.path("hidden")).unwrap();
    let ran = home.run(&simulator, ["whoami"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("it is locked, or has no such key; unlock it; `canva login` makes"), "{}", ran.stderr);
    fs::rename(home.path("hidden"), &key).unwrap();
    assert_eq!(count(&simulator, &home), Some(0));
    assert_eq!(home.run(&simulator, ["logout"]).succeeded(), "logged out\n");
    assert_eq!((file.exists(), keys().len()), (false, 0));
}

#[test]
fn a_named_file_is_not_sealed_and_goes_from_one_machine_to_another() {
    let simulator = SimulatorProcess::start();
    let home = Home::with_keyring();
    let named = |home: &Home, file: &Path, args: &[&str]| {
        let mut command = home.command(&simulator, args.iter().copied());
        command.env("CANVA_LOGIN_FILE", file);
        command
    };
    let file = home.path("ci.json");
    let login = Login::of(&mut named(&home, &file, &["login", "--no-browser", "--port", "0"]));
    browse(&login.url);
    let ran = login.ended();
    assert!(ran.stdout.ends_with(&format!("{}, which only you can read\n", file.display())), "{}", ran.stdout);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Elsewhere it is renewed, and brought back.
    let ci = Home::new();
    let mut login: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    login["tokens"]["expires_at"] = json!(1);
    fs::write(ci.path("login"), login.to_string()).unwrap();
    std::os::unix::fs::symlink(ci.path("login"), ci.path("link")).unwrap();
    assert_eq!(run(named(&ci, &ci.path("link"), &["whoami"])).code, Some(0));
    assert!(ci.path("link").is_symlink());
    fs::copy(ci.path("login"), &file).unwrap();
    assert_eq!(run(named(&home, &file, &["whoami"])).code, Some(0));

    let mut elsewhere = named(&home, &file, &["whoami"]);
    let ran = run({
        elsewhere.env("CANVA_BASE_URL", "http://127.0.0.1:9/rest");
        elsewhere
    });
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains(", and the base URL is http://127.0.0.1:9/rest; "), "{}", ran.stderr);

    fs::write(&file, "my diary").unwrap();
    for (command, code) in [("login", 2), ("whoami", 3), ("logout", 3)] {
        let ran = run(named(&home, &file, &[command]));
        assert_eq!(ran.code, Some(code));
        assert!(ran.stderr.contains("it isn't what `canva login` writes; "), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), "my diary");
    }
}

#[test]
fn a_login_is_for_its_own_base_url() {
    let simulator = SimulatorProcess::start();
    let other = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let ran = home.run(&other, ["whoami"]);
    assert_eq!(ran.code, Some(3));
    let expected = format!("canva: no access token for {}; ", other.printed["base_url"].as_str().unwrap());
    assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
    log_in(&home, &other);
    assert_eq!((count(&simulator, &home), count(&other, &home)), (Some(0), Some(0)));

    let mut half = home.command(&simulator, ["login"]);
    let ran = run({
        half.env_remove("CANVA_TOKEN_URL");
        half
    });
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("set all three, as `canva simulate` prints them, or none"), "{}", ran.stderr);
}

#[test]
fn the_environment_goes_before_the_login_and_the_status_says_so() {
    let simulator = SimulatorProcess::start();
    let home = logged_in(&simulator);
    let token = simulator.printed["access_token"].as_str().unwrap();
    fs::write(home.path("token"), token).unwrap();
    let with = |variable: &str, value: &str, args: &[&str]| {
        let mut command = home.command(&simulator, args.iter().copied());
        command.env(variable, value);
        command
    };
    let file = home.path("token");
    let cases = [("CANVA_ACCESS_TOKEN", token), ("CANVA_ACCESS_TOKEN_FILE", file.to_str().unwrap())];
    for (variable, value) in cases {
        let ran = run(with(variable, value, &["status"]));
        assert_eq!(
            ran.succeeded(),
            format!(
                "name       oSimulatedUser\nuser       oSimulatedUser\nteam       oSimulatedTeam\ntoken      {variable}\n"
            )
        );
        assert_eq!(run(with(variable, value, &["--json", "status"])).json()[0]["token_from"], variable);
        let login = Login::of(&mut with(variable, value, &["login", "--no-browser", "--port", "0"]));
        browse(&login.url);
        let ran = login.ended();
        let expected = format!("canva: {variable} is set, and goes before the login; unset it to use the login\n");
        assert!(ran.stderr.ends_with(&expected), "{}", ran.stderr);
    }
    assert_eq!(home.run(&simulator, ["--json", "status"]).json()[0]["token_from"], "login");
    let ran = home.run(&simulator, ["--simulate", "status"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn a_token_file_is_read_again_when_canva_takes_its_token_no_more() {
    const REFUSED: &str = r#"{"code":"invalid_access_token","message":"m"}"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let fill = |stub: &Stub, command: &str| {
        let mut command = stub.command([command]);
        command.env_remove("CANVA_ACCESS_TOKEN").env("CANVA_ACCESS_TOKEN_FILE", file.path());
        run(command)
    };
    let stub = Stub::start(vec![Response::Json(401, REFUSED), Response::Json(401, REFUSED)]);
    let ran = fill(&stub, "whoami");
    assert_eq!((ran.code, stub.requests().len()), (Some(3), 1));
    let step = "; have a new token written to the file of CANVA_ACCESS_TOKEN_FILE\n";
    assert!(ran.stderr.ends_with(step), "{}", ran.stderr);

    // Another program writes a new one while the first is on its way.
    let simulator = SimulatorProcess::with(["--job-time", "3600"]);
    let home = logged_in(&simulator);
    let old = home.login()["tokens"].clone();
    fs::write(&file, old["access_token"].as_str().unwrap()).unwrap();
    let mut upload = home.command(&simulator, ["--json", "upload", "--no-wait", "photo.png"]);
    upload.env("CANVA_ACCESS_TOKEN_FILE", file.path());
    let job = run(upload).json()[0]["job_id"].as_str().unwrap().to_owned();
    let mut waiting = home.command(&simulator, ["--verbose", "job", "--wait", &job]);
    waiting.env("CANVA_ACCESS_TOKEN_FILE", file.path());
    let mut waiting = Running::start(waiting.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut stderr = BufReader::new(waiting.child().stderr.take().unwrap());
    let mut until = |text: &str| {
        let mut said = String::new();
        while !said.contains(text) {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
    };
    until(" 200 ");
    log_in(&home, &simulator);
    let new = home.login()["tokens"]["access_token"].as_str().unwrap().to_owned();
    fs::write(&file, new).unwrap();
    let [id, secret, url] =
        ["client_id", "client_secret", "token_url"].map(|it| simulator.printed[it].as_str().unwrap());
    let form = format!("token={}&client_id={id}&client_secret={secret}", old["refresh_token"].as_str().unwrap());
    let revoke = format!("POST {}", url.replace("/token", "/revoke"));
    simulator.send(&revoke, "content-type: application/x-www-form-urlencoded\r\n", &form);
    // The job is read with the new token, and goes on being read.
    until("attempt 2");
    until(" 200 ");
}

#[test]
fn a_token_that_is_more_than_a_token_is_named_with_what_to_leave_out() {
    let cases = [
        (format!("Bearer {TOKEN}"), "begins with `Bearer`"),
        (format!("\"{TOKEN}\""), "has quotes in it"),
        (format!("{TOKEN}\n{TOKEN}"), "has several lines"),
        (format!("{TOKEN} x"), "has spaces in it"),
        (format!("{TOKEN}é"), "has characters that no token has"),
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    for (token, problem) in cases {
        let mut command = canva(["whoami"]);
        command.env("CANVA_ACCESS_TOKEN", &token);
        let ran = run(command);
        assert_eq!(ran.code, Some(2));
        assert_eq!(ran.stderr, format!("canva: CANVA_ACCESS_TOKEN {problem}; set it to the token alone\n"));

        fs::write(&file, token).unwrap();
        let mut command = canva(["whoami"]);
        command.env("CANVA_ACCESS_TOKEN_FILE", file.path());
        let ran = run(command);
        assert_eq!(ran.code, Some(2));
        let expected = format!(": what is in the file {problem}; set it to the token alone\n");
        assert!(ran.stderr.starts_with("canva: CANVA_ACCESS_TOKEN_FILE: ") && ran.stderr.ends_with(&expected));
    }
}

#[test]
fn a_token_file_may_be_a_pipe_and_keeps_no_command_from_stopping() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let list = |file: &Path| {
        let mut list = canva(["list"]);
        list.env("CANVA_ACCESS_TOKEN_FILE", file).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start(&mut list)
    };
    let mut waiting = list(&pipe);
    // This returns when the command reads from it, and nothing is written to it.
    let _writer = fs::File::options().write(true).open(&pipe).unwrap();
    waiting.signal("-TERM");
    assert_eq!(waiting.ended().code, Some(143));

    let long = directory.path().join("long");
    fs::write(&long, "t".repeat(70_000)).unwrap();
    let ran = list(&long).ended();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.ends_with("the file is too long; name one that has a token alone\n"), "{}", ran.stderr);
}
