//! What `canva simulate` bears: ten thousand small uploads, and two thousand slow ones at once.
//!
//! `cargo bench -p canva-simulator --bench load -- target/release/canva [uploads|slow]`. It needs the standard library
//! alone, so `rustc -O --edition 2024 simulator/benches/load.rs` is quicker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const UPLOADS: usize = 10_000;
const AT_ONCE: usize = 8;
const SLOW: usize = 2_000;
/// How many bytes a slow upload sends singly, one each second.
const SINGLY: usize = 30;

fn main() {
    // Cargo adds `--bench`.
    let given: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(canva) = given.first() else {
        println!("usage: load PATH_OF_CANVA [uploads|slow]");
        return;
    };
    let wanted = |part: &str| given.len() == 1 || given[1..].iter().any(|given| given == part);
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");
    let photo = fs::read(format!("{fixtures}/photo.png")).unwrap();
    let mut small = fs::read(format!("{fixtures}/kinds/image.jpg")).unwrap();
    // What comes after a JPEG's end is none of it.
    small.resize(4096, 0);
    if wanted("uploads") {
        for image in [&photo, &small] {
            uploads(canva, image);
        }
    }
    if wanted("slow") {
        slow(canva, &small);
    }
}

fn uploads(canva: &str, image: &[u8]) {
    let simulator = Simulator::start(canva);
    let (started, next) = (Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut stream = simulator.connect();
                let request = simulator.upload(image);
                while next.fetch_add(1, Ordering::Relaxed) < UPLOADS {
                    stream.get_mut().write_all(&request).unwrap();
                    assert_eq!(answer(&mut stream), 200);
                }
            });
        }
    });
    let taken = started.elapsed();
    println!("{UPLOADS} uploads of {} bytes: {taken:.2?}, {}", image.len(), simulator.memory());
}

fn slow(canva: &str, image: &[u8]) {
    let simulator = Simulator::start(canva);
    let (before, request) = (simulator.memory(), simulator.upload(image));
    let (head, singly) = request.split_at(request.len() - SINGLY);
    let began = Instant::now();
    let mut streams: Vec<_> = (0..SLOW).map(|_| simulator.connect()).collect();
    for stream in &mut streams {
        stream.get_mut().write_all(head).unwrap();
    }
    let mut quick = Vec::new();
    for byte in singly {
        let second = Instant::now();
        for stream in &mut streams {
            stream.get_mut().write_all(&[*byte]).unwrap();
        }
        // A new connection each, as another program makes it.
        while second.elapsed() < Duration::from_secs(1) {
            let asked = Instant::now();
            let mut stream = simulator.connect();
            stream.get_mut().write_all(&simulator.read()).unwrap();
            assert_eq!(answer(&mut stream), 404);
            quick.push(asked.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
    }
    let served = streams.iter_mut().filter_map(|stream| (answer(stream) == 200).then_some(())).count();
    quick.sort();
    let (median, longest) = (quick[quick.len() / 2], quick[quick.len() - 1]);
    println!(
        "{served} of {SLOW} slow uploads served in {:.1?}; {} quick requests beside them: median {median:.2?}, longest \
         {longest:.2?}; {before} before, {} after",
        began.elapsed(),
        quick.len(),
        simulator.memory()
    );
}

struct Simulator {
    process: Child,
    address: String,
    token: String,
}

impl Simulator {
    fn start(canva: &str) -> Self {
        // As most shells begin.
        let mut shell = Command::new("sh");
        let start = shell.args(["-c", "ulimit -Sn 1024; exec \"$0\" --json simulate --port 0", canva]);
        let mut process = start.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let field = |name: &str| line.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap();
        let address = field("base_url").trim_start_matches("http://").trim_end_matches("/rest").to_owned();
        let token = field("access_token").to_owned();
        Self { process, address, token }
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        BufReader::new(stream)
    }

    fn upload(&self, image: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST /rest/v1/asset-uploads HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: \
             application/octet-stream\r\nasset-upload-metadata: {{\"name_base64\":\"UGhvdG8=\"}}\r\ncontent-length: \
             {}\r\n\r\n",
            self.address,
            self.token,
            image.len()
        );
        [head.as_bytes(), image].concat()
    }

    fn read(&self) -> Vec<u8> {
        let (address, token) = (&self.address, &self.token);
        let head = "GET /rest/v1/assets/unknown HTTP/1.1\r\nconnection: close";
        format!("{head}\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n").into()
    }

    /// The simulator's peak memory, where the system says it.
    fn memory(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        let peak = peak.and_then(|peak| peak.parse::<f64>().ok());
        peak.map_or("memory unknown".to_owned(), |peak| format!("{:.1} MiB at the peak", peak / 1024.0))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads a response, and returns its status: 0 if none came.
fn answer(stream: &mut BufReader<TcpStream>) -> u16 {
    let (mut status, mut length) = (0, 0);
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
        let head = line.trim().to_ascii_lowercase();
        if let Some(rest) = head.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = head.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        }
        line.clear();
    }
    let _ = stream.read_exact(&mut vec![0; length]);
    status
}
