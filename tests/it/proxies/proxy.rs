//! A proxy that notes what it is asked for, and what it could read.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{HIDDEN, TOKEN, check_both};
use crate::support;
use crate::support::tls::Server;

/// The user and the password `pr0xy-p4ss`, as a proxy gets them.
pub const BASIC: &str = "Basic dXNlcjpwcjB4eS1wNHNz";

pub struct Proxy {
    pub port: u16,
    /// The head of each request, and everything that clients sent.
    seen: Arc<Mutex<(Vec<String>, Vec<u8>)>>,
}

impl Proxy {
    /// Leads to this port whatever it is asked for, and, if it wants a password, whoever has it.
    pub async fn start(to: u16, wants_password: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let proxy = Self { port, seen: seen.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let head = support::read_head(&mut stream).await?;
                    seen.lock().unwrap().0.push(head.text.clone());
                    if wants_password && head.header("proxy-authorization") != Some(BASIC) {
                        support::discard_body(&mut stream, &head).await?;
                        let asks = "proxy-authenticate: Basic realm=\"x\"\r\n";
                        return support::answer(&mut stream, "407 Proxy Authentication Required", asks, "").await;
                    }
                    let server = TcpStream::connect(("127.0.0.1", to)).await?;
                    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
                    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                        (stream.into_split(), server.into_split());
                    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                    let mut buffer = vec![0; 64 * 1024];
                    loop {
                        let length = from_client.read(&mut buffer).await?;
                        if length == 0 {
                            return to_server.shutdown().await;
                        }
                        seen.lock().unwrap().1.extend(&buffer[..length]);
                        to_server.write_all(&buffer[..length]).await?;
                    }
                });
            }
        });
        proxy
    }

    pub fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().0.clone()
    }

    /// Two tunnels were asked for, with or without a password, and nothing else could be read on the way.
    pub fn check_both(&self, server: &Server, authorization: Option<&str>) {
        check_both(server);
        let heads = self.heads();
        assert_eq!(heads.len(), 2);
        for head in &heads {
            let host = format!("{HIDDEN}:{}", server.port);
            assert!(head.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{head}");
            let head = support::Head { text: head.clone(), rest: Vec::new() };
            assert_eq!((head.header("host"), head.header("proxy-authorization")), (Some(&*host), authorization));
            assert_eq!(head.header("authorization"), None);
        }
        let all = [heads.concat().as_bytes(), &self.seen.lock().unwrap().1].concat();
        let readable = |text: &str| all.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(all.len() > 300_000 && !readable(TOKEN) && !readable("asset-uploads"));
    }
}
