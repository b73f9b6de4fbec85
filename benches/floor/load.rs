//! The load: kept-alive connections, each with one request at a time, and as little work of its own
//! as possible, because it shares the machine with what it measures.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::shared::wire::body_of_whole;

/// What was seen from outside.
pub(crate) struct Seen {
    pub(crate) elapsed: Duration,
    /// One for each request, in no order.
    pub(crate) latencies: Vec<Duration>,
}

/// Sends `count` of the requests, from the first one again after the last, and hands over the body
/// of each answer.
pub(crate) fn send(
    address: SocketAddr,
    connections: usize,
    requests: &[Vec<u8>],
    count: usize,
    answered: impl FnMut(&[u8]),
) -> Outcome<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let streams = try_join_all((0..connections).map(|_| TcpStream::connect(address))).await?;
        let load = Load {
            requests,
            count,
            next: Cell::new(0),
            latencies: RefCell::new(Vec::with_capacity(count)),
            answered: RefCell::new(answered),
        };
        let start = Instant::now();
        try_join_all(streams.into_iter().map(|stream| load.converse(stream))).await?;
        Ok(Seen { elapsed: start.elapsed(), latencies: load.latencies.into_inner() })
    })
}

/// What all connections share.
struct Load<'r, A> {
    requests: &'r [Vec<u8>],
    count: usize,
    next: Cell<usize>,
    latencies: RefCell<Vec<Duration>>,
    answered: RefCell<A>,
}

impl<A: FnMut(&[u8])> Load<'_, A> {
    async fn converse(&self, mut stream: TcpStream) -> Outcome<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(8 * 1024);
        while self.next.get() < self.count {
            let request = &self.requests[self.next.get() % self.requests.len()];
            self.next.set(self.next.get() + 1);
            let sent = Instant::now();
            stream.write_all(request).await?;
            buffer.clear();
            let body_at = loop {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Err("a connection was closed".into());
                }
                if let Some(body_at) = body_of_whole(&buffer)? {
                    break body_at;
                }
            };
            self.latencies.borrow_mut().push(sent.elapsed());
            if !buffer.starts_with(b"HTTP/1.1 200 ") {
                return Err(format!("an answer is not 200: {}", String::from_utf8_lossy(&buffer)).into());
            }
            (self.answered.borrow_mut())(&buffer[body_at..]);
        }
        Ok(())
    }
}
