//! The port: bound at the start, opened on demand, and closed at once when the simulator is dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;

use crate::lock::lock;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

pub struct Port {
    socket: Mutex<Socket>,
    runtime: Handle,
}

enum Socket {
    /// Bound without listening, so connections are refused.
    Refusing(TcpSocket, Option<Waker>),
    Open(TcpListener),
    Closed,
}

impl Port {
    /// Binds a port, 0 for any free one. It refuses connections until it is opened.
    pub fn bind(address: SocketAddr, runtime: Handle) -> io::Result<(Self, SocketAddr)> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // Lets a simulator take over another's chosen port at once. On Windows two could then share a port.
        socket.set_reuseaddr(cfg!(unix) && address.port() != 0)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok((Self { socket: Mutex::new(Socket::Refusing(socket, None)), runtime }, address))
    }

    /// Listens from now on. Does nothing if the port was opened or closed before.
    pub fn open(&self) -> io::Result<()> {
        let mut socket = self.socket();
        if !matches!(*socket, Socket::Refusing(..)) {
            return Ok(());
        }
        // The caller's thread may not belong to the runtime.
        let _runtime = self.runtime.enter();
        if let Socket::Refusing(bound, waker) = std::mem::replace(&mut *socket, Socket::Closed) {
            *socket = Socket::Open(bound.listen(BACKLOG)?);
            waker.into_iter().for_each(Waker::wake);
        }
        Ok(())
    }

    pub fn close(&self) {
        *self.socket() = Socket::Closed;
    }

    /// The next connection. Waits while the port isn't open.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        std::future::poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        match &mut *self.socket() {
            Socket::Open(listener) => listener.poll_accept(context).map_ok(|(stream, _)| stream),
            Socket::Refusing(_, waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            Socket::Closed => Poll::Pending,
        }
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        lock(&self.socket)
    }
}
