//! Trusted publishing for every registry.
//!
//! A CI job hands over the ID token that its platform signed for it. trustmint verifies it against trust
//! policies and answers with a short-lived, package-scoped registry token.
//!
//! ```text
//! client ── http::dialects ─▶ broker::exchange ─▶ identity ─▶ policy::decide ─▶ token ─▶ store, events
//! registry, proxy ── http::oauth, http::forward_auth ─▶ broker::introspect, authorize ─▶ store
//! scanner ── http::leaks ─▶ reporters (signature) ─▶ broker::leak_response ─▶ store, webhooks, events
//! ```
//!
//! Imports point downwards: leaf modules such as [`clock`], [`denial`] and [`toml_reader`]; then [`fetch`],
//! [`keyring`], [`registry`], [`token`], [`identity`], [`policy`], [`store`], [`reporters`], [`webhooks`],
//! [`events`] and [`metrics`]; then [`broker`], which holds the use cases and knows nothing of HTTP; then
//! [`http`], where a dialect knows a wire format and nothing of verification. [`settings`] validates what the
//! operator wrote, [`service`] builds everything, `reload` replaces the policies, and [`cli`] is the command
//! line. `docs/architecture.md` has the whole picture.

pub mod broker;
pub mod cli;
pub mod clock;
pub mod denial;
pub mod events;
pub mod fetch;
pub mod headers;
mod hex;
pub mod http;
pub mod identity;
pub mod keyring;
pub mod metrics;
pub mod policy;
#[cfg(test)]
mod reference;
pub mod registry;
mod reload;
pub mod reporters;
pub mod secret;
pub mod service;
pub mod settings;
pub mod store;
mod text;
pub mod tls;
pub mod token;
pub mod toml_reader;
pub mod webhooks;
