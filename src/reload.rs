//! Hot reload: the policy files are watched, read when they change, and replaced as a whole.
//!
//! It has a thread of its own: loading a million policies, and freeing the million before them,
//! takes its time, and no request waits for that.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::{FailedReload, Policies};
use crate::clock::Clock;
use crate::metrics::{Metrics, Reload};
use crate::policy::{DEBOUNCE, LoadError, PollOutcome, Snapshot, Watch};
use crate::toml_reader::Diagnostics;

/// How long files may keep changing before that is told.
const RESTLESS: Duration = Duration::from_secs(2);

/// How many findings a log line repeats; `trustmint policy check` shows all.
const MOST_LOGGED: usize = 50;

/// How often it is looked whether the last reader of an old snapshot is gone.
const LAST_READER: Duration = Duration::from_millis(1);

/// Logs what need attention, unless the same was logged before; returns what is to be seen now.
pub(crate) fn warn(found: &Diagnostics, logged: &str) -> String {
    let shown = found.first(MOST_LOGGED);
    if !shown.is_empty() && shown != logged {
        tracing::warn!(diagnostics = %shown, "policies need attention");
    }
    shown
}

/// Asks for a reload; when it is dropped, the watching ends.
#[derive(Debug)]
pub(crate) struct Reloads(SyncSender<()>);

impl Reloads {
    /// Has the files read now, changed or not.
    pub(crate) fn ask(&self) {
        // Full: it was asked for already, and has not begun.
        let _ = self.0.try_send(());
    }
}

/// The thread's own.
pub(crate) struct Reloader {
    pub(crate) watch: Watch,
    /// What was logged about policies that are not wrong; see [`warn()`].
    pub(crate) warned: String,
    /// How often to look; `None`: only when asked.
    pub(crate) poll: Option<Duration>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Reloader {
    /// Starts the thread.
    pub(crate) fn start(self) -> io::Result<Reloads> {
        let (ask, asked) = sync_channel(1);
        thread::Builder::new().name("policies".to_owned()).spawn(move || self.run(&asked))?;
        Ok(Reloads(ask))
    }

    fn run(mut self, asked: &Receiver<()>) {
        let mut logged = String::new();
        while let Some(force) = self.wait(asked) {
            let Some(read) = self.settled(force) else { continue };
            match read {
                Ok(snapshot) => {
                    logged.clear();
                    self.activate(snapshot);
                }
                Err(LoadError(diagnostics)) => self.refuse(&diagnostics, force, &mut logged),
            }
        }
    }

    /// Waits for the next look; whether it was asked for. `None`: the service ends.
    fn wait(&self, asked: &Receiver<()>) -> Option<bool> {
        let waited = match self.poll {
            Some(poll) => asked.recv_timeout(poll),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match waited {
            Ok(()) => Some(true),
            Err(RecvTimeoutError::Timeout) => Some(false),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Looks until the files rest; `None` if there is nothing new.
    fn settled(&mut self, force: bool) -> Option<Result<Snapshot, LoadError>> {
        let begun = Instant::now();
        let mut reported_unstable = false;
        loop {
            // Once it was told that they keep changing, it must be told how that ended.
            match self.watch.poll(force || reported_unstable) {
                PollOutcome::Unchanged => return None,
                PollOutcome::Read(read) => return Some(*read),
                PollOutcome::Unstable if !reported_unstable && begun.elapsed() > RESTLESS => {
                    reported_unstable = true;
                    let mut diagnostics = Diagnostics::default();
                    diagnostics.error(
                        None,
                        "the policy files keep changing; they are read once they rest",
                        None,
                    );
                    self.refuse(&diagnostics, true, &mut String::new());
                }
                PollOutcome::Unstable => thread::sleep(DEBOUNCE),
            }
        }
    }

    fn activate(&mut self, snapshot: Snapshot) {
        let digest = Arc::clone(&snapshot.digest().0);
        let policies = snapshot.len();
        let changed = *self.policies.load().digest() != *snapshot.digest();
        let now_ms = self.clock.now_ms();
        self.warned = warn(&snapshot.warnings(now_ms / 1000), &self.warned);
        let before = self.policies.activate(snapshot, now_ms);
        self.metrics.snapshot(&digest, policies, now_ms / 1000);
        self.metrics.reload(if changed { Reload::Loaded } else { Reload::Unchanged });
        tracing::info!(policies, %digest, changed, "policies loaded");
        // A request that still reads the old snapshot must not be the one to free it.
        while Arc::strong_count(&before) > 1 {
            thread::sleep(LAST_READER);
        }
    }

    fn refuse(&self, diagnostics: &Diagnostics, force: bool, logged: &mut String) {
        let first = diagnostics.iter().next().map(ToString::to_string).unwrap_or_default();
        let since_ms = self.clock.now_ms();
        self.policies.refuse(FailedReload { since_ms, findings: diagnostics.len(), first });
        self.metrics.reload(Reload::Refused);
        let shown = diagnostics.first(MOST_LOGGED);
        if force || shown != *logged {
            tracing::error!(diagnostics = %shown, "the policies are not loaded; the last good ones stay");
            *logged = shown;
        }
    }
}
