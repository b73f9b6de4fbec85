//! Listeners, routes and wire formats. Nothing here verifies or decides anything.

pub mod admin;
mod dialects;
mod forward_auth;
mod leaks;
mod oauth;
mod ops;
mod public;
mod request;
pub(crate) mod response;
mod routes;
mod serve;
mod state;

pub use serve::listeners::{Listeners, RunningServers};
