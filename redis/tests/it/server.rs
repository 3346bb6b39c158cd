//! A real Redis for one test. The unit tests of `src/pacing` and the tests of `cli/` use it, too.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A `redis-server` in a directory of its own. It is killed at the end, also when the test panics.
pub struct Server {
    port: u16,
    directory: TempDir,
    arguments: &'static [&'static str],
    process: Mutex<Option<Child>>,
}

impl Server {
    /// One that forgets everything when it is killed. `None`, said aloud, where `redis-server` isn't installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// One that remembers everything when it is killed.
    pub fn start_persistent() -> Option<Self> {
        Self::start_with(&["--appendonly", "yes"])
    }

    /// One with these further arguments.
    pub fn start_with(arguments: &'static [&'static str]) -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(
                std::env::var_os("REQUIRE_SERVERS").is_none(),
                "REQUIRE_SERVERS is set, and there is no redis-server"
            );
            // A test that passes keeps to itself what it prints with `eprintln!`.
            let test = thread::current().name().unwrap_or("a test").to_owned();
            let said = format!("{test}: skipped: there is no redis-server (Debian's package of that name has it)\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        }
        let new = || {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Self { port, directory: TempDir::new().unwrap(), arguments, process: Mutex::default() }
        };
        let running = std::iter::repeat_with(new).take(20).find(Self::run);
        assert!(running.is_some(), "redis-server doesn't start");
        running
    }

    /// Whether it answers. It doesn't if someone else took the port.
    fn run(&self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]).args(self.arguments);
        command.arg("--dir").arg(self.directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(20);
        while Instant::now() < patience && process.try_wait().unwrap().is_none() {
            if self.answers().unwrap_or(false) {
                *self.process.lock().unwrap() = Some(process);
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    fn answers(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply)?;
        // Or it wants a password first. While it reads what it remembers, it says something else.
        Ok([b"+PONG", b"-NOAU"].contains(&&reply))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
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

pub fn send_signal(process: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}
