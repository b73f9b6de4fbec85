//! What people are told: messages for webhooks, by the Standard Webhooks scheme.
//!
//! No request waits for a recipient, and no crash loses a message. It is kept in the store before the
//! deed that it is about, and is due at once after the deed; if the broker is revoked in between, it comes
//! due by itself, and is delivered only if the deed was done. A message may be delivered twice, under
//! the same `webhook-id`, but for one deed there is one message for each recipient.

mod delivery;
mod dispatcher;
mod token_leaked;
mod webhook;

pub use delivery::{Delivery, RevocationRef};
pub use dispatcher::WebhookDispatcher;
pub use token_leaked::{Found, TokenLeaked};
pub use webhook::{Webhook, WebhookSecret, Webhooks};
