//! A token file holds: between processes, in a directory that can't be written to, and when a process is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use canva_connect::auth::{FileStore, Integration, OAuth, OAuthError, RefreshToken, TokenStore, Tokens};
use canva_connect::{AccessToken, TokenProvider};
use canva_simulator::{Fault, Simulator};
use tempfile::TempDir;

use crate::support;
use crate::tokens::{REDIRECT_URI, at, client, integration, log_in, needs_login, oauth_error, token_requests, upload};

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
    tokens.expires_at = SystemTime::UNIX_EPOCH;
    store.save(&tokens).await.unwrap();
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn this_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Another process: this binary or a copy of it, after this shell code, with one of the tests that are ignored here.
fn process(before: &str, binary: &Path, test: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(binary);
    command.args([&format!("stores::{test}"), "--exact", "--ignored", "--nocapture"]).env("TOKEN_FILE", path);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Another process that asks for a token.
fn asking(simulator: &Simulator, before: &str, binary: &Path, path: &Path) -> Command {
    let mut command = process(before, binary, "asks_for_a_token", path);
    command.env("TOKEN_URL", simulator.token_url()).env("CLIENT_ID", simulator.client_id());
    command.env("CLIENT_SECRET", simulator.client_secret());
    command
}

/// What such a process says: its token, or the error.
fn told(child: Child) -> String {
    String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap().trim_end().to_owned()
}

#[test]
#[ignore = "a process that other tests start"]
fn asks_for_a_token() {
    let Ok(path) = std::env::var("TOKEN_FILE") else { return };
    let env = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let integration = Integration::builder(env("CLIENT_ID"), env("CLIENT_SECRET"), REDIRECT_URI);
    let oauth = OAuth::new(integration.token_url(env("TOKEN_URL")).build().unwrap(), FileStore::new(&path));
    match runtime.block_on(oauth.token()) {
        Ok(token) => eprintln!("{}", token.expose()),
        Err(error) => eprintln!("{}", support::chain(&*error)),
    }
}

#[tokio::test]
async fn a_login_gives_tokens_that_are_kept_and_used() {
    let simulator = Simulator::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    // Nobody has logged in yet.
    needs_login(&upload(&client(&simulator, &oauth)).await.unwrap_err());
    log_in(&simulator, &oauth).await.unwrap();
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!(names(directory.path()), ["tokens.json", "tokens.json.lock"]);

    // After a restart they come from the file.
    let oauth = OAuth::new(integration(&simulator), FileStore::new(&path));
    upload(&client(&simulator, &oauth)).await.unwrap();
    assert_eq!(token_requests(&simulator), 1);

    std::fs::write(&path, "{\"access_token\":\"s3cr3t\"").unwrap();
    let error = FileStore::new(&path).load().await.unwrap_err();
    assert!(error.to_string().contains("tokens.json: not a token file"), "{error}");
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_token_file_of_an_earlier_version_is_read_and_written_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    let pair = r#""access_token":"an-access-token","refresh_token":"a-refresh-token""#;
    // 0.1.1, then 0.2.
    for (rest, scopes) in [("", None), (r#","scopes":["asset:read"]"#, Some(vec!["asset:read".to_owned()]))] {
        let written = format!(r#"{{{pair},"expires_at":1767225600{rest}}}"#);
        std::fs::write(&path, &written).unwrap();
        let tokens = store.load().await.unwrap().unwrap();
        assert_eq!(tokens.access_token, AccessToken::new("an-access-token"));
        assert_eq!(tokens.refresh_token, Some(RefreshToken::new("a-refresh-token")));
        assert_eq!(tokens.expires_at, SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
        assert_eq!(tokens.scopes, scopes);
        let shown = format!("{tokens:?}");
        assert!(shown.contains("REDACTED") && !shown.contains("an-access") && !shown.contains("a-refresh"), "{shown}");
        store.save(&tokens).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    }
}

#[test]
fn a_time_that_no_clock_shows_is_kept_as_the_nearest_one() {
    let written = |seconds: u64| format!(r#"{{"access_token":"a","expires_at":{seconds}}}"#);
    let mut tokens: Tokens = serde_json::from_str(&written(u64::MAX)).unwrap();
    assert_eq!(serde_json::to_string(&tokens).unwrap(), written(253_402_300_799));
    tokens.expires_at = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
    assert_eq!(serde_json::to_string(&tokens).unwrap(), written(0));
    assert_eq!(
        Tokens::new("a", "r", Duration::MAX).expires_at,
        serde_json::from_str::<Tokens>(&written(u64::MAX)).unwrap().expires_at
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn processes_with_one_file_refresh_once() {
    let (simulator, directory, path) = expired().await;
    simulator.inject("token", 1.., Fault::Delay(Duration::from_millis(50))).unwrap();
    for round in 1..=8 {
        let ask = || asking(&simulator, "", &this_binary(), &path).spawn().unwrap();
        let told = [(); 6].map(|()| ask()).map(told);
        let now = FileStore::new(&path).load().await.unwrap().unwrap();
        assert!(told.iter().all(|told| told == now.access_token.expose()), "round {round}: {told:?}");
        assert_eq!(token_requests(&simulator), 1 + round);
        expire(&path).await;
    }
    assert_eq!(names(directory.path()), ["tokens.json", "tokens.json.lock"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_to_spends_no_refresh_token() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let (simulator, directory, path) = expired().await;
    // Nothing is forbidden to root, so root starts a process of another user, in a directory that everybody may enter.
    // `cp` makes the copy, because a child of another test could keep a copy of this process open for writing.
    let binary = directory.path().join("it");
    assert!(Command::new("cp").args([&this_binary(), &binary]).status().unwrap().success());
    let root = std::fs::metadata(&path).unwrap().uid() == 0;
    for name in ["", "tokens.json", "tokens.json.lock"].into_iter().filter(|_| root) {
        chown(directory.path().join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let token = |mode| {
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = asking(&simulator, "", &binary, &path);
        if root {
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        told(command.spawn().unwrap())
    };
    let refused = token(0o555);
    assert!(
        refused.contains("the token store failed") && refused.contains("tokens.json: Permission denied"),
        "{refused}"
    );
    assert_eq!(token_requests(&simulator), 1, "a refresh token was spent");
    // It need not be read.
    let renewed = token(0o300);
    assert!(renewed.starts_with("eyJ"), "{renewed}");
    assert_eq!(token_requests(&simulator), 2);
    // Without the right to write again, the saved tokens are loaded.
    assert_eq!(token(0o555), renewed);
    token(0o700);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn no_umask_takes_the_file_from_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let (simulator, directory, path) = expired().await;
    for umask in ["0777", "0"] {
        std::fs::remove_file(directory.path().join("tokens.json.lock")).unwrap();
        expire(&path).await;
        let told = told(asking(&simulator, &format!("umask {umask};"), &this_binary(), &path).spawn().unwrap());
        assert!(told.starts_with("eyJ"), "{told}");
        for name in ["tokens.json", "tokens.json.lock"] {
            let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_locked_is_an_error_before_the_refresh_token_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    FileStore::new(&path).save(&pair(1)).await.unwrap();
    let other = std::fs::File::create(directory.path().join("tokens.json.lock")).unwrap();
    other.lock().unwrap();
    let (_socket, base_url) = support::refusing();
    let oauth = OAuth::new(at(&base_url), FileStore::new(&path));
    let started = tokio::time::Instant::now();
    let error = oauth.token().await.unwrap_err();
    assert!((75..80).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let OAuthError::Store { source, .. } = oauth_error(&*error) else { panic!("{error:?}") };
    assert_eq!(source.downcast_ref::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::TimedOut);
    assert!(support::chain(&*error).contains("tokens.json: another process has kept it locked for 75 s"), "{error}");

    drop(other);
    // A call at the same moment would get the same error.
    tokio::time::advance(Duration::from_millis(1)).await;
    let error = oauth.token().await.unwrap_err();
    assert!(matches!(oauth_error(&*error), OAuthError::Unreachable { .. }), "{error}");
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
async fn a_process_killed_while_saving_leaves_a_whole_pair() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    let store = FileStore::new(&path);
    for round in 1..=50 {
        let _ = std::fs::remove_file(&path);
        let mut child = process("", &this_binary(), "saves_for_ever", &path).spawn().unwrap();
        while !path.exists() {
            tokio::time::sleep(Duration::from_micros(200)).await;
            assert!(child.try_wait().unwrap().is_none(), "it saved nothing");
        }
        // A little later each time, so that it is killed in the middle of everything that saving does.
        tokio::time::sleep(Duration::from_micros(197 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let tokens = store.load().await.unwrap().unwrap();
        let number = tokens.access_token.expose().trim_start_matches("access-").split('.').next().unwrap();
        let Tokens { access_token, refresh_token, .. } = pair(number.parse().unwrap());
        assert!(tokens.access_token == access_token && tokens.refresh_token == refresh_token, "torn");
    }
    let mut left = names(directory.path());
    left.retain(|name| name != "tokens.json");
    assert!(!left.is_empty(), "it was always killed between two saves");
    assert!(left.iter().all(|name| name.starts_with("tokens.json.") && name.ends_with(".new")), "{left:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_and_stays() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().unwrap();
    let (kept, linked) = (directory.path().join("kept"), directory.path().join("linked"));
    std::fs::create_dir(&kept).unwrap();
    std::fs::create_dir(&linked).unwrap();
    // To a file that is not there yet, over another link.
    symlink("../kept/second", linked.join("tokens.json")).unwrap();
    symlink("tokens.json", kept.join("second")).unwrap();
    for number in [1, 2] {
        let store = FileStore::new(linked.join("tokens.json"));
        let _lock = store.lock().await.unwrap();
        store.save(&pair(number)).await.unwrap();
        let kept = FileStore::new(kept.join("tokens.json")).load().await.unwrap().unwrap();
        assert_eq!(kept.access_token, pair(number).access_token);
    }
    assert_eq!(names(&linked), ["tokens.json"]);
    assert_eq!(names(&kept), ["second", "tokens.json", "tokens.json.lock"]);
    assert!(linked.join("tokens.json").is_symlink() && kept.join("second").is_symlink());
    assert!(!kept.join("tokens.json").is_symlink());

    symlink("round", linked.join("round")).unwrap();
    FileStore::new(linked.join("round")).save(&pair(1)).await.unwrap_err();
    FileStore::new(linked.join("round")).load().await.unwrap_err();
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("tokens.json");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let store = FileStore::new(&fifo);
    let used = async { [store.load().await.map(drop), store.save(&pair(1)).await, store.lock().await.map(drop)] };
    let Ok(used) = tokio::time::timeout(Duration::from_secs(5), used).await else {
        // Frees the thread that waits for a writer, for which the runtime would wait for ever.
        std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        panic!("a FIFO is waited for");
    };
    for result in used {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("tokens.json: not a regular file"), "{error}");
    }
    assert_eq!(names(directory.path()), ["tokens.json"]);
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
    oauth.refused(&first).await.unwrap();
    let second = oauth.token().await.unwrap();
    assert_ne!(second, first);
    assert_eq!(FileStore::new(&path).load().await.unwrap().unwrap().access_token, second);
}
