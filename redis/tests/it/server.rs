//! A `redis-server` on a free port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

pub struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    /// `None` where there is none, which fails with the variable `REQUIRE_SERVERS`. It keeps what it acknowledges over a restart.
    pub fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("REQUIRE_SERVERS").is_none(), "there is no redis-server");
            // Not with a macro, whose lines a test keeps to itself.
            writeln!(std::io::stderr(), "skipped a test: there is no redis-server").unwrap();
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        loop {
            // Somebody else may take it meanwhile.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut child = run(port, directory.path());
            if ready(&mut child, port) {
                return Some(Self { child, port, directory });
            }
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.child = run(self.port, self.directory.path());
        assert!(ready(&mut self.child, self.port));
    }

    pub fn forget(&self) {
        std::fs::remove_dir_all(self.directory.path().join("appendonlydir")).unwrap();
    }

    pub fn signal(&self, signal: &str) {
        send_signal(&self.child, signal);
    }

    pub fn dump(&self) -> Vec<u8> {
        std::fs::read(self.directory.path().join("dump.rdb")).unwrap()
    }

    pub async fn connection(&self) -> MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn send_signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
}

fn run(port: u16, directory: &Path) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--save", "", "--rdbcompression", "no", "--appendonly", "yes"]);
    server.args(["--appendfsync", "always", "--port", &port.to_string(), "--dir"]).arg(directory);
    server.stdout(Stdio::null()).spawn().unwrap()
}

/// Whether it answers, as it does soon unless it has ended.
fn ready(child: &mut Child, port: u16) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut response = [0; 7];
        stream.read_exact(&mut response).ok()?;
        (response == *b"+PONG\r\n").then_some(())
    };
    while child.try_wait().unwrap().is_none() {
        if ping().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
