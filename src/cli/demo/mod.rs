//! `trustmint demo`: the product on real sockets, with an issuer of its own, in a minute.
//!
//! [`stage`] sets everything up, [`steps`] plays it, [`narrator`] prints it. Nothing is simulated:
//! the broker is [`crate::service`] as `serve` runs it, and what is printed comes from its answers.

mod check;
mod client;
mod files;
mod invitation;
mod issuer;
mod narrator;
mod stage;
mod steps;
mod workspace;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{FINDING, FINE, UNREACHABLE, complain, runtime};
use narrator::Narrator;
use stage::Stage;

/// What `trustmint demo` is told.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// End after the last step; exit code 1 at the first unexpected answer
    #[arg(long)]
    once: bool,
}

pub(super) fn run(options: &Options) -> u8 {
    match runtime() {
        Ok(runtime) => runtime.block_on(demo(options.once)),
        Err(code) => code,
    }
}

async fn demo(once: bool) -> u8 {
    // Before there is anything to clean up, so that no signal leaves anything behind.
    let Ok(mut signals) = Signals::listen() else {
        complain!("error: signals cannot be handled");
        return UNREACHABLE;
    };
    let started = tokio::select! {
        started = Stage::start() => started,
        () = signals.any() => return interrupted(),
    };
    let stage = match started {
        Ok(stage) => stage,
        Err(error) => {
            complain!("error: {error}");
            return UNREACHABLE;
        }
    };
    let out = Narrator::new();
    let code = tokio::select! {
        code = play(&stage, &out) => code,
        () = signals.any() => interrupted(),
    };
    if code == FINE && !once {
        invitation::print(&stage, &out);
        signals.any().await;
    }
    stage.stop().await;
    code
}

async fn play(stage: &Stage, out: &Narrator) -> u8 {
    match steps::all(stage, out).await {
        Ok(answers) => {
            out.done(answers);
            FINE
        }
        Err(unexpected) => {
            out.unexpected(&unexpected);
            FINDING
        }
    }
}

/// Whoever asked for the whole demo must not take half of it for a success.
fn interrupted() -> u8 {
    complain!("interrupted before the last step");
    FINDING
}

/// Every way in which a terminal or a supervisor asks for the end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
