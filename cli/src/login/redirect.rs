//! Where the browser comes back to: a server on this machine for one request.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::End;

const PATH: &str = "/callback";
/// How much of a request is read, and for how long.
const MAX_HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections are open at once. A browser opens more than it uses.
const CONNECTIONS: usize = 32;

pub struct Redirect {
    listener: TcpListener,
    port: u16,
}

impl Redirect {
    pub async fn listen(port: u16) -> Result<Self, End> {
        let listening = async {
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let port = listener.local_addr()?.port();
            Ok(Self { listener, port })
        };
        listening.await.map_err(|error: io::Error| {
            End::usage(format!(
                "can't listen on port {port} for the browser: {error}; end the program that uses it, or choose another \
                 with --port and add its redirect URL to the integration"
            ))
        })
    }

    /// The redirect URL to register.
    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// The first browser that comes back.
    pub async fn visitor(&self) -> Visitor {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                Some(received) = open.join_next() => {
                    if let Ok(Some(visitor)) = received {
                        return visitor;
                    }
                }
                // An error is that of one connection, and the next may be better.
                accepted = self.listener.accept(), if open.len() < CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        open.spawn(receive(stream, self.port));
                    }
                }
            }
        }
    }
}

/// The visitor, or an answer that nothing is here.
async fn receive(mut stream: TcpStream, port: u16) -> Option<Visitor> {
    let head = timeout(PATIENCE, head(&mut stream)).await.ok()??;
    let Some(redirect) = target(&head, port) else {
        answer(stream, "404 Not Found", "Nothing is here. canva login waits for another page.").await;
        return None;
    };
    Some(Visitor { redirect, stream })
}

/// The head of a request; `None` if it is too long, or ends early.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 2048];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(part.get(..read)?);
        if head.len() > MAX_HEAD {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// Path and query of a request to the redirect URL. No other name of this machine counts: a page of another site could
/// have its own name lead here.
fn target(head: &str, port: u16) -> Option<String> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    let host = |(name, value): (&str, &str)| name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned());
    let host = lines.filter_map(|line| line.split_once(':')).find_map(host)?;
    let here = host == format!("127.0.0.1:{port}") && target.split('?').next() == Some(PATH);
    here.then(|| target.to_owned())
}

/// A browser that waits for its page.
pub struct Visitor {
    /// Path and query.
    pub redirect: String,
    stream: TcpStream,
}

impl Visitor {
    pub async fn show(self, text: &str) {
        answer(self.stream, "200 OK", text).await;
    }
}

/// The page has nothing that came from outside. A browser that is gone doesn't matter.
async fn answer(mut stream: TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><html lang=\"en\"><title>canva login</title><p>{text}</p></html>\n");
    let length = page.len();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{page}"
    );
    let write = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    };
    let _ = timeout(PATIENCE, write).await;
}
