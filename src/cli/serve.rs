//! `trustmint serve`.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::{FINE, INVALID, UNREACHABLE, complain, runtime};
use crate::service::{Plan, Service, StartError};

pub(super) fn run(config: &Path) -> u8 {
    let plan = match Plan::read(config) {
        Ok(plan) => plan,
        Err(diagnostics) => {
            complain!("{diagnostics}");
            return INVALID;
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    runtime.block_on(serve(plan))
}

async fn serve(plan: Plan) -> u8 {
    // Before the listeners open, so that a signal right after is not the default action's.
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = signals else {
        complain!("error: signals cannot be handled");
        return UNREACHABLE;
    };
    let service = match Service::start(plan).await {
        Ok(service) => service,
        Err(error) => {
            complain!("error: {error}");
            return if matches!(error, StartError::Invalid(_)) { INVALID } else { UNREACHABLE };
        }
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => service.reload_policies(),
        }
    }
    tracing::info!("stopping");
    service.stop().await;
    FINE
}
