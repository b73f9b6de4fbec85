//! What happened: events, and metrics whose labels never come from a token.

mod event;
mod queue;

pub use event::{Event, Outcome};
pub use queue::{Audit, EventPermit, Full, Sink};
