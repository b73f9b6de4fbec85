//! Listeners, routes and wire formats. Nothing here verifies or decides anything.

pub mod admin;
mod around;
mod body;
mod client_auth;
mod client_network;
mod credential;
mod dialects;
mod doors;
mod errors;
mod forward_auth;
mod leaks;
mod leftover;
mod oauth;
mod ops;
mod public;
mod rate_limit;
mod reading;
mod refusal;
mod routes;
mod server;
mod state;
#[cfg(test)]
pub(crate) mod statuses;
mod target;
mod timing;

pub use doors::{Doors, OpenDoors};
