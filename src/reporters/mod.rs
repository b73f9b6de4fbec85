//! Reports of leaked tokens: who may report, whether they signed it, and what they say.
//!
//! GitHub's partner protocol is the pattern: a JSON array of records, whose raw bytes are signed with
//! ECDSA, with the key's id and the signature in headers. GitLab, deps.dev and others differ in the
//! names of the headers and in where the keys are. A self-managed GitLab shows a secret instead.
//! What becomes of the tokens is the broker's to say.

mod leak_list;
mod public_keys;
mod reporter;
mod reporter_keys;

pub use leak_list::{Leak, Leaks, ListError, items, string};
pub use public_keys::{Curve, PublicKeys};
pub use reporter::{Proof, Reporter, ReporterKind, Reporters, Signatures};
pub use reporter_keys::{ReporterKeys, Sharing};
