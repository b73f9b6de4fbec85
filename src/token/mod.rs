//! Registry tokens: their form, what they are for, and what is remembered about them.

mod format;
mod record;
mod scope;

pub use format::{RegistryToken, TAG_COUNT, Tag, TokenHash};
pub use record::{Family, Record, TokenId};
pub use scope::{Scope, ScopeError};
