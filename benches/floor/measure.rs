//! One round: load on one server, and what it took.

use std::fs;
use std::time::Duration;

use crate::shared::server::Server;
use crate::{Outcome, load};

/// How long a server may go on about its last requests before its CPU time is read: what it does
/// after the answer, such as writing the event, is part of a request's cost.
const DEBOUNCE: Duration = Duration::from_millis(60);

/// What one round took.
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// CPU time of the server's process, user and system, for each request.
    pub(crate) cpu: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Sends `count` of the requests to a server.
pub(crate) fn measure(
    server: &Server,
    connections: usize,
    requests: &[Vec<u8>],
    count: usize,
    answered: impl FnMut(&[u8]),
) -> Outcome<Round> {
    let before = cpu_time(server.pid())?;
    let seen = load::send(server.address, connections, requests, count, answered)
        .map_err(|error| format!("{}: {error}", server.name))?;
    std::thread::sleep(DEBOUNCE);
    let cpu = cpu_time(server.pid())? - before;
    let mut latencies = seen.latencies;
    latencies.sort_unstable();
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    Ok(Round {
        per_second: count as f64 / seen.elapsed.as_secs_f64(),
        cpu: cpu / u32::try_from(count)?,
        p50: percentile(50),
        p99: percentile(99),
    })
}

/// The CPU time of a process so far: the sum over its threads of what the scheduler counts in
/// nanoseconds. (`/proc/<pid>/stat` has the same in hundredths of a second, too coarse for a round.)
fn cpu_time(pid: u32) -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let counts = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += counts.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
