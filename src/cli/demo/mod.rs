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
mod scanner;
mod stage;
mod steps;
mod workspace;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{FINDING, FINE, INVALID, UNREACHABLE, complain, runtime};
use narrator::Narrator;
use stage::Stage;

/// What `trustmint demo` is told.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// End after the last step; exit code 1 at the first unexpected answer
    #[arg(long)]
    once: bool,
    /// Once it stays up, write where everything is into this file, for a shell to read
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    env: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> u8 {
    match runtime() {
        Ok(runtime) => runtime.block_on(demo(options)),
        Err(code) => code,
    }
}

async fn demo(options: &Options) -> u8 {
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
    let mut code = tokio::select! {
        code = play(&stage, &out) => code,
        () = signals.any() => interrupted(),
    };
    if code == FINE && !options.once {
        invitation::print(&stage, &out);
        code = options.env.as_deref().map_or(FINE, |file| write_env(&stage, file));
    }
    if code == FINE && !options.once {
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

/// Writes the variables; whole or not at all, for anyone who waits for the file.
fn write_env(stage: &Stage, file: &Path) -> u8 {
    let draft = file.with_extension("part");
    let written =
        std::fs::write(&draft, invitation::variables(stage)).and_then(|()| std::fs::rename(&draft, file));
    match written {
        Ok(()) => FINE,
        Err(error) => {
            complain!("error: {}: {error}", file.display());
            INVALID
        }
    }
}

/// Anyone who asked for the whole demo must not take half of it for a success.
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
