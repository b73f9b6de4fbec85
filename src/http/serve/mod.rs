//! Serving connections: the listeners, their limits and timeouts.

mod body_drain;
pub(in crate::http) mod listeners;
mod server;
mod timing;
