//! What happened: audit events, and metrics whose labels never come from a token.

mod event;
mod gauge;
mod key_metrics;
mod metrics;
mod queue;

pub use event::{Event, Outcome};
pub use metrics::{Metrics, Reload};
pub use queue::{Audit, Full, Place, Sink};
