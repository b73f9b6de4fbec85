//! Load at a rate that no answer slows down: each request has its instant, from which its time counts,
//! also where no connection is free by then.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::shared::Outcome;
use crate::shared::wire::body_of_whole;

/// Connections for known keys; more than are ever busy unless the broker is slow.
const CONNECTIONS: usize = 64;
/// Connections of strangers, each of whom may wait for three seconds.
const STRANGERS: usize = 128;

/// Requests, and the time between two of them.
pub(crate) struct Paced {
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) interval: Duration,
}

/// What was seen from outside.
pub(crate) struct Seen {
    /// Of the requests for known keys, in ascending order.
    pub(crate) latencies: Vec<Duration>,
    /// The longest that a stranger waited.
    pub(crate) longest_wait: Duration,
}

/// The next request: which, and when it is due.
type Due = (usize, Instant);

/// Sends both kinds of requests at their paces. Those for known keys must be answered with 200,
/// strangers with a refusal.
pub(crate) fn drive(address: SocketAddr, known: Paced, strangers: Paced) -> Outcome<Seen> {
    let start = Instant::now() + Duration::from_millis(100);
    let (known, known_due) = pace(known, start);
    let (strangers, strangers_due) = pace(strangers, start);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let known = converse(address, CONNECTIONS, known, known_due, |status| status == "200");
        let refused = |status: &str| status == "503" || status == "400";
        let strangers = converse(address, STRANGERS, strangers, strangers_due, refused);
        let (mut latencies, waits) = tokio::try_join!(known, strangers)?;
        latencies.sort_unstable();
        Ok(Seen { latencies, longest_wait: waits.into_iter().max().unwrap_or_default() })
    })
}

/// Says from a thread of its own when each request is due: timers of the runtime count in
/// milliseconds, which is as long as an exchange takes.
fn pace(paced: Paced, start: Instant) -> (Rc<Vec<Vec<u8>>>, UnboundedReceiver<Due>) {
    let Paced { requests, interval } = paced;
    let (say, due) = unbounded_channel();
    let count = requests.len();
    std::thread::spawn(move || say_when(count, interval, start, &say));
    (Rc::new(requests), due)
}

fn say_when(count: usize, interval: Duration, start: Instant, say: &UnboundedSender<Due>) {
    let mut due = start;
    for number in 0..count {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if say.send((number, due)).is_err() {
            return;
        }
        due += interval;
    }
}

async fn converse(
    address: SocketAddr,
    connections: usize,
    requests: Rc<Vec<Vec<u8>>>,
    due: UnboundedReceiver<Due>,
    expected: impl Fn(&str) -> bool + Copy + 'static,
) -> Outcome<Vec<Duration>> {
    let due = Rc::new(tokio::sync::Mutex::new(due));
    let mut conversations = JoinSet::new();
    for _ in 0..connections {
        let (requests, due) = (Rc::clone(&requests), Rc::clone(&due));
        conversations.spawn_local(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut latencies, mut answer) = (Vec::new(), Vec::with_capacity(8 * 1024));
            loop {
                let next = due.lock().await.recv().await;
                let Some((number, since)) = next else { return Ok::<_, crate::shared::Failure>(latencies) };
                stream.write_all(&requests[number]).await?;
                answer.clear();
                while body_of_whole(&answer)?.is_none() {
                    if stream.read_buf(&mut answer).await? == 0 {
                        return Err("a connection was closed".into());
                    }
                }
                latencies.push(since.elapsed());
                let text = String::from_utf8_lossy(&answer);
                if !text.split(' ').nth(1).is_some_and(expected) {
                    return Err(format!("an answer is not what was expected: {text}").into());
                }
            }
        });
    }
    let mut latencies = Vec::with_capacity(requests.len());
    while let Some(seen) = conversations.join_next().await {
        latencies.extend(seen??);
    }
    Ok(latencies)
}
