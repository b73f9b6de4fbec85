//! What the benchmarks share: processes, ID tokens, bytes on the wire.

pub(crate) mod id_tokens;
pub(crate) mod policy;
pub(crate) mod server;
pub(crate) mod wire;

use std::error::Error;

/// Whatever goes wrong ends the run.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
/// What comes of a step.
pub(crate) type Outcome<T> = Result<T, Failure>;
