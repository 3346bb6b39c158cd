//! A server that isn't a Redis, or lies: nothing is read for ever, and nobody waits for ever.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use canva_connect::Pacer;
use canva_connect::auth::TokenStore;
use canva_connect_redis::{Redis, RedisError, StoreError};
use tokio::time::timeout;

use crate::pacing::{LONG, TEN, WINDOW};

/// Answers `+OK` to what a connection begins with, and to a script what `answer` writes. Says when that failed, since
/// the client has closed the connection.
fn server(
    answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + Clone + 'static,
) -> (Redis, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let redis = Redis::open(&format!("redis://{}", listener.local_addr().unwrap())).unwrap();
    let (closed, is_closed) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer, closed) = (stream.unwrap(), answer.clone(), closed.clone());
            thread::spawn(move || {
                let _ = serve(stream, &answer);
                let _ = closed.send(());
            });
        }
    });
    (redis, is_closed)
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&mut TcpStream) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = || {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length: usize =
            line.trim().get(1..).and_then(|digits| digits.parse().ok()).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        if line.starts_with('$') {
            let mut text = vec![0; length + 2];
            reader.read_exact(&mut text)?;
            return Ok::<_, std::io::Error>((length, text));
        }
        Ok((length, Vec::new()))
    };
    loop {
        let (words, _) = length()?;
        let mut command = Vec::new();
        for _ in 0..words {
            command.push(length()?.1);
        }
        if command.first().is_some_and(|name| name.starts_with(b"EVALSHA")) {
            answer(&mut stream)?;
        } else {
            stream.write_all(b"+OK\r\n")?;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_never_ends_is_read_for_no_longer_than_a_command() {
    let (redis, is_closed) = server(|stream| {
        stream.write_all(b"$9000000000\r\n")?;
        loop {
            stream.write_all(&[b'x'; 1024])?;
            thread::sleep(Duration::from_millis(1));
        }
    });
    let error = redis.store("ada").load().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(StoreError::Redis(RedisError::Away { .. }))), "{error:?}");
    is_closed.recv_timeout(Duration::from_secs(10)).expect("the connection is read on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_no_script_gives_is_an_error_that_names_the_key_and_no_reason_to_wait() {
    let far = i64::MAX.to_string();
    let longer = (WINDOW.as_millis() + 2).to_string();
    let numbers: &[&[&str]] = &[
        &[],
        &["7"],
        &["7", "7"],
        &["2", "-1"],
        &["2", &far],
        &["0", &longer],
        &["1", &longer],
        &["1", &far],
        &["1", "-1"],
        &["3", &longer],
        &["4", "5", "10"],
        &["4", &far, "0"],
    ];
    let array = |numbers: &&[&str]| {
        let numbers = numbers.iter().map(|number| format!(":{number}\r\n"));
        format!("*{}\r\n{}", numbers.len(), numbers.collect::<String>())
    };
    let other = ["$-1\r\n", "*-1\r\n", "*-5\r\n", "+OK\r\n", ":0\r\n", "*1\r\n$5\r\ntoken\r\n"].map(str::to_owned);
    for reply in numbers.iter().map(array).chain(other) {
        let answer = reply.clone();
        let (redis, _) = server(move |stream| stream.write_all(answer.as_bytes()));
        let pacing = redis.pacing("user").window(WINDOW);
        let acquired = timeout(LONG, pacing.acquire(&TEN, Duration::MAX)).await;
        let error = acquired.unwrap_or_else(|_| panic!("{reply:?}: waits")).expect_err(&reply);
        assert!(matches!(error.downcast_ref(), Some(RedisError::Refused { .. })), "{reply:?}: {error:?}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("canva-connect:pacing:{ten:user}") && !shown.contains("token"), "{shown}");
    }
}
