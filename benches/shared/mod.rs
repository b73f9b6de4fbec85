//! What the benchmarks share: processes, ID tokens, bytes on the wire.

pub(crate) mod id_tokens;
pub(crate) mod outcome;
pub(crate) mod policy;
pub(crate) mod server;
pub(crate) mod wire;

pub(crate) use outcome::{Failure, Outcome};
