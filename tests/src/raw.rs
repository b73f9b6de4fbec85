//! HTTP by hand: requests that no client library would send, and connections that never say a word.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest that anything here waits for the broker.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub struct Raw<S = TcpStream> {
    stream: S,
    unread: Vec<u8>,
}

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct RawReply {
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    pub body: String,
}

impl RawReply {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| *found == name).map_or("", |(_, value)| value.trim())
    }
}

/// `host:port` of `http://host:port`.
pub fn authority(url: &str) -> &str {
    url.split_once("://").expect("a URL").1
}

impl Raw {
    /// Connects to a listener.
    pub async fn connect(url: &str) -> Self {
        let stream = TcpStream::connect(authority(url)).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self::over(stream)
    }

    /// Sends one request on a connection of its own.
    pub async fn once(url: &str, request: impl AsRef<[u8]>) -> RawReply {
        let mut raw = Self::connect(url).await;
        raw.send(request).await;
        raw.reply().await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Over a stream that is there.
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes).await, "the connection is closed");
    }

    /// Sends bytes, if the other side still listens.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// The next answer.
    pub async fn reply(&mut self) -> RawReply {
        self.reply_within(PATIENCE).await.expect("an answer in time")
    }

    /// The next answer, unless it takes longer than this; `None` also if the connection ends.
    pub async fn reply_within(&mut self, patience: Duration) -> Option<RawReply> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(reply) = self.whole() {
                return Some(reply);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.stream.read_buf(&mut self.unread)).await {
                Ok(Ok(1..)) => {}
                _ => return None,
            }
        }
    }

    /// How long it took until the other side closed the connection. Whatever it says before is kept
    /// for [`Raw::said`]; `drip` is sent every now and then, to look alive.
    pub async fn until_closed(&mut self, drip: &[u8]) -> Duration {
        let since = Instant::now();
        let mut drip = drip.iter();
        while since.elapsed() < PATIENCE {
            let read = self.stream.read_buf(&mut self.unread);
            match tokio::time::timeout(Duration::from_millis(50), read).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return since.elapsed(),
                Err(_) => {
                    if let Some(byte) = drip.next() {
                        // A failure shows at the next read.
                        self.try_send([*byte]).await;
                    }
                }
            }
        }
        panic!("still open after {PATIENCE:?}");
    }

    /// Everything up to and including the end of that many heads, and what came with them.
    pub async fn until_answered(&mut self, count: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            if said.matches("\r\n\r\n").count() >= count && said.ends_with('}') {
                self.unread.clear();
                return said;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let read = tokio::time::timeout(left, self.stream.read_buf(&mut self.unread)).await;
            assert!(matches!(read, Ok(Ok(1..))), "no more than:\n{said}");
        }
    }

    /// What was read and is not an answer yet.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    fn whole(&mut self) -> Option<RawReply> {
        let end = self.unread.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.unread[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut reply = RawReply { status, head, body: String::new() };
        let length = reply.header("content-length").parse::<usize>().unwrap_or(0);
        if self.unread.len() < end + length {
            return None;
        }
        reply.body = String::from_utf8_lossy(&self.unread[end..end + length]).into_owned();
        self.unread.drain(..end + length);
        Some(reply)
    }
}

/// A POST with this body and these header lines, each with its line end.
pub fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: pypi.example.com\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// A GET with these header lines, each with its line end.
pub fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: pypi.example.com\r\n{headers}\r\n")
}
