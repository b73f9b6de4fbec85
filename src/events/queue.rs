//! The bounded queue between decisions and the place where events are kept.
//!
//! A place is taken before the store is touched: where no event can be kept, nothing is minted.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Stdout, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{self, OwnedPermit};

use crate::events::Event;

/// How long the writer waits before it tries a failed write again.
const RETRY: Duration = Duration::from_secs(1);

/// How long the writer leaves the queue alone after it took something. To wake a thread for each event
/// would cost more than writing it; so events of the next millisecond are written together.
const GATHER: Duration = Duration::from_millis(1);

/// How many events are taken from the queue together.
const AT_ONCE: usize = 256;

/// How much is handed to the operating system together.
const BUFFER: usize = 64 * 1024;

/// Where events are kept.
#[derive(Debug)]
pub enum Sink {
    /// Standard output, one line an event.
    Stdout(Stdout),
    /// A file that is appended to.
    File(File),
}

impl Sink {
    /// Opens the sink: the file if there is one, else standard output.
    ///
    /// # Errors
    /// If the file cannot be opened for appending.
    pub fn open(path: Option<&Path>) -> std::io::Result<Self> {
        match path {
            Some(path) => {
                OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(Self::File).map_err(
                    |error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display())),
                )
            }
            None => Ok(Self::Stdout(std::io::stdout())),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// The queue's entrance.
#[derive(Clone, Debug)]
pub struct Audit {
    events: mpsc::Sender<Event>,
}

/// A place in the queue; it is used or given back by being dropped.
#[derive(Debug)]
pub struct EventPermit(OwnedPermit<Event>);

/// There is no place: the sink does not keep up, or has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Audit {
    /// Starts the writer; it ends, with everything written, when all entrances are dropped.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        sink: impl Write + Send + 'static,
        capacity: usize,
    ) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (events, queue) = mpsc::channel(capacity);
        let writer = thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write(BufWriter::with_capacity(BUFFER, sink), queue))?;
        Ok((Self { events }, writer))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// If there is none.
    pub fn reserve(&self) -> Result<EventPermit, Full> {
        self.events.clone().try_reserve_owned().map(EventPermit).map_err(|_| Full)
    }

    /// Puts an event into the next place that becomes free.
    pub async fn record(&self, event: Event) {
        // It fails only when the writer has ended, which it does not before the last entrance is gone.
        let _ = self.events.send(event).await;
    }

    /// How many events wait.
    pub fn waiting(&self) -> usize {
        self.events.max_capacity() - self.events.capacity()
    }
}

impl EventPermit {
    /// Puts the event into the place.
    pub fn record(self, event: Event) {
        drop(self.0.send(event));
    }
}

fn write(mut sink: BufWriter<impl Write>, mut queue: mpsc::Receiver<Event>) {
    let mut events = Vec::with_capacity(AT_ONCE);
    while queue.blocking_recv_many(&mut events, AT_ONCE) > 0 {
        for event in events.drain(..) {
            match event.line() {
                Ok(line) => write_with_retry(|| sink.write_all(&line)),
                Err(error) => tracing::error!(%error, "an event could not be written as JSON"),
            }
        }
        write_with_retry(|| sink.flush());
        thread::sleep(GATHER);
    }
}

/// Tries until it succeeds. Meanwhile the queue fills, and then nothing is minted.
fn write_with_retry(mut write: impl FnMut() -> std::io::Result<()>) {
    while let Err(error) = write() {
        tracing::error!(%error, "events cannot be written; mints stop when the queue is full");
        thread::sleep(RETRY);
    }
}
