//! A token file holds: between processes, on a store that can't be written, and when a process is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::Duration;

use canva_connect::TokenProvider;
use canva_connect::auth::{FileStore, Integration, OAuth, OAuthError, TokenStore, Tokens};
use canva_simulator::{Fault, Simulator};
use tempfile::TempDir;

use crate::support;
use crate::tokens::{REDIRECT_URI, integration, log_in, token_requests};

/// A login in a file of its own, whose access token has ended.
async fn expired() -> (Simulator, TempDir, PathBuf) {
    let simulator = Simulator::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    log_in(&simulator, &OAuth::new(integration(&simulator), FileStore::new(&path))).await.unwrap();
    expire(&path).await;
    (simulator, directory, path)
}

async fn expire(path: &Path) {
    let store = FileStore::new(path);
    let mut tokens = store.load().await.unwrap().unwrap();
    tokens.expires_at = 0;
    store.save(&tokens).await.unwrap();
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// This binary, or a copy of it, which as another process runs one of the tests that are ignored here. `before` is shell code
/// for its limits.
fn process(binary: &Path, test: &str, path: &Path, before: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(binary);
    command.args([&format!("stores::{test}"), "--exact", "--ignored", "--nocapture"]).env("TOKEN_FILE", path);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn this_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Another process with a login of its own in the same file.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stderr: BufReader<ChildStderr>,
}

impl Process {
    fn start(simulator: &Simulator, path: &Path, before: &str) -> Self {
        Self::spawn(simulator, process(&this_binary(), "another_process", path, before))
    }

    fn spawn(simulator: &Simulator, mut command: Command) -> Self {
        command.env("BASE_URL", simulator.base_url()).env("CLIENT_ID", simulator.client_id());
        let mut child = command.env("CLIENT_SECRET", simulator.client_secret()).spawn().unwrap();
        let (stdin, stderr) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        Self { child, stdin, stderr }
    }

    fn ask(&mut self) {
        self.stdin.write_all(b"token\n").unwrap();
    }

    /// The token that it got, or the error.
    fn told(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// For each line, a token of a provider that knows nothing yet.
#[test]
#[ignore = "a process that other tests start"]
fn another_process() {
    let Ok(path) = std::env::var("TOKEN_FILE") else { return };
    let env = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for _ in std::io::stdin().lines() {
        let integration = Integration::new(env("CLIENT_ID"), env("CLIENT_SECRET"), REDIRECT_URI).unwrap();
        let oauth = OAuth::new(integration.base_url(&env("BASE_URL")).unwrap(), FileStore::new(&path));
        let told = match runtime.block_on(oauth.token()) {
            Ok(token) => token.expose().to_owned(),
            Err(error) => support::chain(&*error),
        };
        writeln!(std::io::stderr(), "{told}").unwrap();
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn processes_with_one_file_refresh_once() {
    let (simulator, directory, path) = expired().await;
    simulator.inject("token", 1.., Fault::Delay(Duration::from_millis(20))).unwrap();
    let mut processes = [(); 3].map(|()| Process::start(&simulator, &path, ""));
    for round in 1..=50 {
        processes.iter_mut().for_each(Process::ask);
        let told = processes.each_mut().map(Process::told);
        let now = FileStore::new(&path).load().await.unwrap().unwrap();
        assert!(told.iter().all(|told| told == now.access_token.expose()), "round {round}: {told:?}");
        assert_eq!(token_requests(&simulator), 1 + round);
        expire(&path).await;
    }
    assert_eq!(names(directory.path()), ["tokens.json", "tokens.json.lock"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_spends_no_refresh_token() {
    let (simulator, directory, path) = expired().await;
    // Every write fails with "file too large".
    let mut process = Process::start(&simulator, &path, "trap '' XFSZ; ulimit -f 0;");
    process.ask();
    let told = process.told();
    assert!(told.contains("the token store failed") && told.contains("File too large"), "{told}");
    assert_eq!(token_requests(&simulator), 1, "a refresh token was spent");
    drop(process);

    // So it does where the new file can't be made.
    std::fs::create_dir(directory.path().join("tokens.json.new")).unwrap();
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(OAuthError::Store { .. })), "{error}");
    assert!(support::chain(&*error).contains("tokens.json.new"), "{error}");
    assert_eq!(token_requests(&simulator), 1, "a refresh token was spent");

    std::fs::remove_dir(directory.path().join("tokens.json.new")).unwrap();
    oauth.token().await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_replaced_spends_no_refresh_token() {
    if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system lets nobody mount a file in a namespace of their own");
        return;
    }
    let (simulator, _directory, path) = expired().await;
    // As a single file that is mounted into a container.
    let mounted = r#"mount --bind "$TOKEN_FILE" "$TOKEN_FILE" && exec "$@""#;
    let mut process = Process::start(&simulator, &path, &format!("unshare -rm sh -c '{mounted}'"));
    process.ask();
    let told = process.told();
    assert!(told.contains("the token store failed") && told.contains("tokens.json: "), "{told}");
    assert_eq!(token_requests(&simulator), 1, "a refresh token was spent");
    drop(process);
    OAuth::new(integration(&simulator), FileStore::new(&path)).token().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stays_whole_although_its_lock_is_deleted() {
    let (simulator, directory, path) = expired().await;
    // The second to refresh is still at it when the first one saves.
    simulator.inject("token", 1..=1, Fault::Delay(Duration::from_millis(300))).unwrap();
    simulator.inject("token", 2..=2, Fault::Delay(Duration::from_millis(900))).unwrap();
    let provider = || OAuth::new(integration(&simulator), FileStore::new(&path));
    let first = tokio::spawn({
        let first = provider();
        async move { first.token().await.map_err(|e| e.to_string()) }
    });
    while token_requests(&simulator) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    std::fs::remove_file(directory.path().join("tokens.json.lock")).unwrap();
    let second = provider().token().await.map_err(|e| e.to_string());
    let first = first.await.unwrap();
    let kept = FileStore::new(&path).load().await;
    assert!(matches!(kept, Ok(Some(_))), "{kept:?}, {first:?}, {second:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_needs_to_be_written_to_but_not_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    let (simulator, directory, path) = expired().await;
    // Nothing is forbidden to root, so root starts a process of somebody else, from where everybody may. Not copied in this
    // process: a child of another test could still have the copy open for writing when it is to be run.
    let binary = directory.path().join("it");
    assert!(Command::new("cp").args([&this_binary(), &binary]).status().unwrap().success());
    let mut command = process(&binary, "another_process", &path, "");
    if std::fs::metadata(&path).unwrap().uid() == 0 {
        const NOBODY: u32 = 65534;
        for name in ["", "tokens.json", "tokens.json.lock"] {
            chown(directory.path().join(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    let mut process = Process::spawn(&simulator, command);
    let mut token = |mode| {
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        process.ask();
        process.told()
    };
    let told = token(0o555);
    assert!(told.contains("tokens.json.new: Permission denied"), "{told}");
    assert_eq!(token_requests(&simulator), 1, "a refresh token was spent");
    let told = token(0o300);
    assert!(told.starts_with("eyJ"), "{told}");
    assert_eq!(token_requests(&simulator), 2);
    // Without the right to write again, what was saved is read.
    assert_eq!(token(0o555), told);
    token(0o700);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn no_umask_takes_the_file_from_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let (simulator, directory, path) = expired().await;
    std::fs::remove_file(directory.path().join("tokens.json.lock")).unwrap();
    for umask in ["0777", "0"] {
        expire(&path).await;
        let mut process = Process::start(&simulator, &path, &format!("umask {umask};"));
        process.ask();
        let told = process.told();
        assert!(told.starts_with("eyJ"), "{told}");
        for name in names(directory.path()) {
            let mode = std::fs::metadata(directory.path().join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_locked_is_an_error_before_the_refresh_token_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    FileStore::new(&path).save(&pair(1)).await.unwrap();
    let other = std::fs::File::open(directory.path().join("tokens.json.lock")).unwrap();
    other.lock().unwrap();
    let (_socket, base_url) = support::refusing();
    let integration = Integration::new("id", "secret", REDIRECT_URI).unwrap().base_url(&base_url).unwrap();
    let oauth = OAuth::new(integration, FileStore::new(&path));
    let started = tokio::time::Instant::now();
    let error = oauth.token().await.unwrap_err();
    assert!((75..80).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let Some(OAuthError::Store { source, .. }) = error.downcast_ref() else { panic!("{error:?}") };
    assert_eq!(source.downcast_ref::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::TimedOut);
    assert!(support::chain(&*error).contains("tokens.json: another process has kept it locked for 75 s"), "{error}");

    drop(other);
    // Who asks in the same moment is told the same.
    tokio::time::advance(Duration::from_millis(1)).await;
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(OAuthError::Unreachable { .. })), "{error}");
    assert_eq!(names(directory.path()), ["tokens.json", "tokens.json.lock"]);
}

/// A pair that can be told from any other, and from parts of two.
fn pair(number: u64) -> Tokens {
    let text = format!("{number}.").repeat(2000);
    Tokens::new(format!("access-{text}"), format!("refresh-{text}"), Duration::ZERO)
}

#[test]
#[ignore = "a process that another test kills"]
fn saves_for_ever() {
    let Ok(path) = std::env::var("TOKEN_FILE") else { return };
    let store = FileStore::new(&path);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for number in 1.. {
        runtime.block_on(store.save(&pair(number))).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_saving_leaves_a_whole_pair_and_one_file_to_overwrite() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    let mut interrupted = 0;
    for round in 1..=100 {
        let _ = std::fs::remove_file(&path);
        let mut child = process(&this_binary(), "saves_for_ever", &path, "").spawn().unwrap();
        while !path.exists() {
            tokio::time::sleep(Duration::from_micros(200)).await;
            assert!(child.try_wait().unwrap().is_none(), "it saved nothing");
        }
        // A little later each time, so that it is killed in the middle of everything that saving does.
        tokio::time::sleep(Duration::from_micros(97 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let tokens = store.load().await.unwrap().unwrap();
        let number = tokens.access_token.expose().trim_start_matches("access-").split('.').next().unwrap();
        let Tokens { access_token, refresh_token, .. } = pair(number.parse().unwrap());
        assert!(tokens.access_token == access_token && tokens.refresh_token == refresh_token, "torn");
        let left = names(directory.path());
        let known = ["tokens.json", "tokens.json.lock", "tokens.json.new"];
        assert!(left.iter().all(|name| known.contains(&name.as_str())), "{left:?}");
        interrupted += usize::from(left.len() == 3);
    }
    assert!(interrupted > 0, "it was always killed between two saves");
    // What was left is in nobody's way.
    store.save(&pair(1)).await.unwrap();
    assert_eq!(names(directory.path()), ["tokens.json", "tokens.json.lock"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (kept, linked) = (directory.path().join("kept"), directory.path().join("linked"));
    std::fs::create_dir(&kept).unwrap();
    std::fs::create_dir(&linked).unwrap();
    // To a file that is not there yet, over another link.
    std::os::unix::fs::symlink("../kept/second", linked.join("tokens.json")).unwrap();
    std::os::unix::fs::symlink("tokens.json", kept.join("second")).unwrap();
    for number in [1, 2] {
        FileStore::new(linked.join("tokens.json")).save(&pair(number)).await.unwrap();
        let kept = FileStore::new(kept.join("tokens.json")).load().await.unwrap().unwrap();
        assert_eq!(kept.access_token, pair(number).access_token);
    }
    assert_eq!(names(&linked), ["tokens.json"]);
    assert!(linked.join("tokens.json").is_symlink() && kept.join("second").is_symlink());
    assert!(!kept.join("tokens.json").is_symlink());

    std::os::unix::fs::symlink("round", linked.join("round")).unwrap();
    FileStore::new(linked.join("round")).save(&pair(1)).await.unwrap_err();
    FileStore::new(linked.join("round")).load().await.unwrap_err();
}

/// Work that doesn't wait for somebody to write into this FIFO. If it does, its thread is let go, for which the runtime would
/// wait for ever.
#[cfg(unix)]
async fn soon<T>(fifo: &Path, work: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(Duration::from_secs(5), work).await else {
        std::fs::OpenOptions::new().read(true).write(true).open(fifo).unwrap();
        panic!("a FIFO is waited for");
    };
    done
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_is_an_error_and_no_hang() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = |name: &str| {
        let path = directory.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let path = fifo("tokens.json");
    let store = FileStore::new(&path);
    let loaded = soon(&path, store.load()).await;
    let error = loaded.unwrap_err().to_string();
    assert!(error.contains("tokens.json: not a regular file"), "{error}");
    let error = soon(&path, store.save(&pair(1))).await.unwrap_err().to_string();
    assert!(error.contains("tokens.json: not a regular file"), "{error}");

    // Nor is one waited for in the place of the files beside it, and no link is followed there.
    let store = FileStore::new(directory.path().join("other"));
    let path = fifo("other.lock");
    let error = soon(&path, store.save(&pair(1))).await.unwrap_err().to_string();
    assert!(error.contains("other.lock: not a regular file"), "{error}");
    std::fs::remove_file(path).unwrap();
    soon(&fifo("other.new"), store.save(&pair(1))).await.unwrap();
    std::fs::write(directory.path().join("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("precious", directory.path().join("other.new")).unwrap();
    store.save(&pair(2)).await.unwrap();
    assert_eq!(std::fs::read_to_string(directory.path().join("precious")).unwrap(), "precious");
    assert_eq!(store.load().await.unwrap().unwrap().access_token, pair(2).access_token);
}

#[tokio::test]
async fn a_file_that_is_deleted_meanwhile_is_written_again() {
    let simulator = Simulator::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    log_in(&simulator, &oauth).await.unwrap();
    let first = oauth.token().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(oauth.token().await.unwrap(), first);
    // Not even when the next pair is due.
    oauth.refused(&first).await.unwrap();
    let second = oauth.token().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(FileStore::new(&path).load().await.unwrap().unwrap().access_token, second);
}
