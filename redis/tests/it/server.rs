//! A real Redis for one test, and processes of our own that it can kill.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use canva_connect_redis::Redis;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A `redis-server` in a directory of its own. It is killed at the end, also when the test panics.
pub struct Server {
    port: u16,
    directory: TempDir,
    persistent: bool,
    process: Mutex<Option<Child>>,
}

/// A server, or the end of the test, said aloud, where none is installed.
macro_rules! server_or_skip {
    ($($start:tt)*) => {
        match crate::server::Server::$($start)* {
            Some(server) => server,
            None => return,
        }
    };
}
pub(crate) use server_or_skip;

impl Server {
    /// One that forgets everything when it is killed. `None` where `redis-server` isn't installed.
    pub fn start() -> Option<Self> {
        Self::new(false)
    }

    /// One that remembers everything when it is killed.
    pub fn start_persistent() -> Option<Self> {
        Self::new(true)
    }

    fn new(persistent: bool) -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(
                std::env::var_os("REQUIRE_SERVERS").is_none(),
                "REQUIRE_SERVERS is set, and there is no redis-server"
            );
            // A test that passes keeps to itself what it prints with `eprintln!`.
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            let said = format!("{test}: skipped: there is no redis-server (Debian's package of that name has it)\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        }
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let server = Self { port, directory: TempDir::new().unwrap(), persistent, process: Mutex::default() };
            if server.run() {
                return Some(server);
            }
        }
        panic!("redis-server doesn't start");
    }

    /// Whether it answers. It doesn't if someone else took the port.
    fn run(&self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        command.args(["--appendonly", if self.persistent { "yes" } else { "no" }]);
        command.arg("--dir").arg(self.directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(20);
        while Instant::now() < patience && process.try_wait().unwrap().is_none() {
            if self.try_connect().and_then(|mut redis| redis::cmd("PING").query::<String>(&mut redis)).is_ok() {
                *self.process.lock().unwrap() = Some(process);
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The URL of a relay to it, which lets each direction take this long.
    pub async fn far_away(&self, distance: Duration) -> String {
        let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, near) = (self.port, relay.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((client, _)) = relay.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from_client, to_server, distance));
                tokio::spawn(carry(from_server, to_client, distance));
            }
        });
        format!("redis://{near}/0")
    }

    /// A connection of its own, as another process has it.
    pub fn open(&self) -> Redis {
        Redis::open(&self.url()).unwrap()
    }

    fn try_connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// A connection for the test itself.
    pub fn connect(&self) -> redis::Connection {
        self.try_connect().unwrap()
    }

    /// How often scripts ran.
    pub fn scripts_run(&self) -> u64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.connect()).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again on the same port.
    pub fn restart(&self) {
        assert!(self.run(), "redis-server doesn't start again");
    }

    /// It takes connections and commands, and answers none.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        send_signal(self.process.lock().unwrap().as_ref().unwrap(), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.lock().unwrap_or_else(|e| e.into_inner()).take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, distance: Duration) {
    let mut bytes = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(distance).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}

/// This binary as another process, which runs one of its ignored tests. It is killed when it is dropped.
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    stderr: BufReader<ChildStderr>,
}

impl Process {
    pub fn start(test: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--ignored", "--nocapture"]).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stderr) = (child.stdin.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        Self { child, stdin, stderr }
    }

    pub fn ask(&mut self, what: &str) {
        writeln!(self.stdin, "{what}").unwrap();
    }

    /// The next line that it says.
    pub fn told(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn signal(&self, signal: &str) {
        send_signal(&self.child, signal);
    }

    pub fn succeed(&mut self) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send_signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

/// A variable that the test which started this process gave it.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} isn't set"))
}
