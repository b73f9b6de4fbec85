//! Trusted publishing for every registry.
//!
//! A CI job hands over the ID token its platform signed for it; trustmint verifies it against trust
//! policies and answers with a short-lived, package-scoped registry token.
//!
//! The way of a token through this house, each room once:
//!
//! ```text
//! client ── http/dialects ─▶ broker::exchange ─▶ identity ─▶ policy::decide ─▶ token ─▶ store ─▶ audit
//! registry, proxy ── http/oauth, http/forward_auth ─▶ broker::introspect, authorize ─▶ store
//! scanner ── http/leaks ─▶ leaks (did they sign it?) ─▶ broker::disclose ─▶ store, notices, audit
//! ```
//!
//! [`clock`], [`toml_reader`], [`denial`], [`fetch`], [`keyring`], [`registry`], [`identity`], [`policy`],
//! [`token`], [`store`], [`reporters`], [`webhooks`] and [`events`] are the ground floors; none of them names [`broker`] or
//! [`http`]. [`broker`] knows the use cases and nothing of HTTP, a dialect in [`http`] knows a wire
//! format and nothing of verification. [`settings`] turns what the operator wrote into types,
//! [`service`] puts the house together,
//! `reload` renews its policies, and [`cli`] is the roof.

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
