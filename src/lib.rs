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
//! [`clock`], [`document`], [`denial`], [`fetch`], [`keyring`], [`registry`], [`identity`], [`policy`],
//! [`token`], [`store`], [`leaks`], [`notices`] and [`audit`] are the ground floors; none of them names [`broker`] or
//! [`http`]. [`broker`] knows the use cases and nothing of HTTP, a dialect in [`http`] knows a wire
//! format and nothing of verification. [`config`] turns what the operator wrote into types,
//! [`service`] puts the house together,
//! `reload` renews its policies, and [`cli`] is the roof.

pub mod audit;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod denial;
pub mod document;
mod echo;
pub mod fetch;
mod hex;
pub mod http;
pub mod identity;
pub mod keyring;
pub mod leaks;
pub mod notices;
pub mod policy;
#[cfg(test)]
mod reference;
pub mod registry;
mod reload;
pub mod service;
pub mod store;
pub mod tls;
pub mod token;
