//! Listeners, routes and wire formats. Nothing here verifies or decides anything.

mod request;
pub(crate) mod response;
mod serve;
pub mod admin;
mod dialects;
mod forward_auth;
mod leaks;
mod oauth;
mod ops;
mod public;
mod routes;
mod state;

pub use serve::listeners::{Doors, OpenDoors};
