//! Webhooks, by the Standard Webhooks scheme: an outbox in the store, and a dispatcher that empties it.
//!
//! No request waits for a recipient, and no crash loses a message. A message is written to the outbox as
//! pending before the revocation that it is about, and becomes due when the revocation is done. If the broker
//! stops in between, the message becomes due by itself and is delivered only if the revocation happened. A
//! message is delivered at least once, always under the same `webhook-id`; there is one message for each
//! recipient and revocation.

mod delivery;
mod dispatcher;
mod token_leaked;
mod webhook;

pub use delivery::{Delivery, RevocationRef};
pub use dispatcher::WebhookDispatcher;
pub use token_leaked::{Found, TokenLeaked};
pub use webhook::{Webhook, WebhookSecret, Webhooks};
