//! Reports of leaked tokens: who may report, whether they signed it, and what they say.
//!
//! GitHub's partner protocol is the pattern: a JSON array of records, whose raw bytes are signed with
//! ECDSA, with the key's id and the signature in headers. GitLab, deps.dev and others differ in the
//! names of the headers and in where the keys are. A self-managed GitLab shows a secret instead.
//! What becomes of the tokens is the broker's to say.

mod keys;
mod listing;
mod record;
mod reporter;

pub use keys::{ReporterKeys, Sharing};
pub use listing::{Curve, PublicKeys};
pub use record::{BadList, Leak, Leaks, items, string};
pub use reporter::{Proof, Reporter, ReporterKind, Reporters, Signatures};
