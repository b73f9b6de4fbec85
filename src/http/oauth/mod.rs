//! The native endpoints: RFC 8693 and RFC 7523 exchange, RFC 7662 introspection, RFC 7009
//! revocation, RFC 8414 metadata; and the explanation of an exchange.

mod asked;
mod details;
mod explain;
mod introspect;
mod metadata;
mod revoke;
mod token;

pub(super) use explain::explain;
pub(super) use introspect::introspect;
pub(super) use metadata::metadata;
pub(super) use revoke::revoke;
pub(super) use token::token;
