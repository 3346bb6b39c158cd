//! What concerns all files isn't tried on each: a network that goes away is waited for, and a bad token ends the command.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use canva_simulator::Simulator;
use tokio::runtime::Runtime;

use crate::common::{against, copies, run};

/// A network between the command and a simulator, which can be cut.
struct Cable {
    from: SocketAddr,
    to: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    fn plug(to: SocketAddr, from: Option<SocketAddr>) -> (Self, Arc<Mutex<bool>>) {
        let listener = TcpListener::bind(from.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap())).unwrap();
        let (from, open) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (plugged, streams) = (Arc::new(Mutex::new(true)), open.clone());
        let is_plugged = plugged.clone();
        spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if !*is_plugged.lock().unwrap() {
                    return;
                }
                let other = TcpStream::connect(to).unwrap();
                let pairs = [
                    (stream.try_clone().unwrap(), other.try_clone().unwrap()),
                    (other.try_clone().unwrap(), stream.try_clone().unwrap()),
                ];
                for (mut reader, mut writer) in pairs {
                    spawn(move || {
                        let _ = copy(&mut reader, &mut writer);
                        let _ = writer.shutdown(Shutdown::Write);
                    });
                }
                streams.lock().unwrap().extend([stream, other]);
            }
        });
        (Self { from, to, open }, plugged)
    }

    /// Nothing listens any more, and all connections break.
    fn cut(self, plugged: &Mutex<bool>) -> (SocketAddr, SocketAddr) {
        *plugged.lock().unwrap() = false;
        // The listener goes with its thread.
        let _ = TcpStream::connect(self.from);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        (self.from, self.to)
    }
}

#[test]
fn a_network_that_goes_away_is_waited_for() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().job_duration(Duration::from_millis(500)).start()).unwrap();
    let to = simulator.base_url().split('/').nth(2).unwrap().parse().unwrap();
    let (cable, plugged) = Cable::plug(to, None);
    let (_directory, files) = copies("photo.png", 34);
    let options = ["--json", "upload", "--tag", "launch"];
    let mut command = against(&simulator, options.into_iter().chain(files.iter().map(String::as_str)));
    // The limit of 30 leaves time to cut the network between two uploads.
    command.env("CANVA_BASE_URL", format!("http://{}/rest", cable.from)).env("CANVA_TEST_LIMITS_WINDOW", "4000");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while simulator.assets().iter().filter(|asset| !asset.tags.is_empty()).count() < 30 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(10));
    }
    let (from, to) = cable.cut(&plugged);
    // Longer than the limit and all attempts of a request take.
    sleep(Duration::from_secs(14));
    let _again = Cable::plug(to, Some(from));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("canva: waiting for the network: ").count(), 1, "{said}");
    assert_eq!(said.matches("canva: the network is back after ").count(), 1, "{said}");
    let mut names: Vec<_> = simulator.assets().into_iter().map(|asset| (asset.name, asset.tags)).collect();
    names.sort();
    names.dedup();
    assert_eq!((simulator.assets().len(), names.len()), (34, 34), "{said}");
    assert!(names.iter().all(|(_, tags)| tags == &["launch"]));
}

#[test]
fn a_network_that_was_never_there_is_not_waited_for() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_directory, files) = copies("photo.png", 30);
    let mut command = crate::common::canva(["upload"].into_iter().chain(files.iter().map(String::as_str)));
    command.env("CANVA_BASE_URL", format!("http://{closed}/rest")).env("CANVA_ACCESS_TOKEN", "token");
    let ran = run(command);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.lines().last().unwrap().starts_with("canva: this concerns all files, so "), "{}", ran.stderr);
}

#[test]
fn a_token_that_does_not_work_ends_the_command_at_the_first_file() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    let (_directory, files) = copies("photo.png", 40);
    let mut command = against(&simulator, ["--json", "upload"].into_iter().chain(files.iter().map(String::as_str)));
    command.env("CANVA_ACCESS_TOKEN", "expired");
    let ran = run(command);
    assert_eq!(ran.code, Some(3));
    assert!(ran.json().len() <= 8 && simulator.requests().len() <= 16, "{}", ran.stdout);
    assert!(ran.stderr.ends_with(" were not sent; the same command goes on with them\n"), "{}", ran.stderr);
}

#[test]
fn a_folder_that_is_not_there_ends_the_command_at_the_first_file() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start()).unwrap();
    let (_directory, files) = copies("photo.png", 40);
    let options = ["--json", "upload", "--folder", "FAmistyped"];
    let mut command = against(&simulator, options.into_iter().chain(files.iter().map(String::as_str)));
    command.env("CANVA_TEST_LIMITS_WINDOW", "1000");
    let ran = run(command);
    assert_eq!(ran.code, Some(1));
    // Those that the limit lets through before the first has a result, and those that wait for their turn then.
    assert!(simulator.assets().len() <= 34, "{}", simulator.assets().len());
    assert!(ran.stderr.ends_with(" were not sent; the same command goes on with them\n"), "{}", ran.stderr);
}
