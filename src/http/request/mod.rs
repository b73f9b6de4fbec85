//! Reading a request: who sent it, for which registry, with which credential and body.

pub(in crate::http) mod body;
pub(in crate::http) mod client_auth;
pub(in crate::http) mod client_network;
pub(in crate::http) mod rate_limit;
pub(in crate::http) mod report_body;
pub(in crate::http) mod target;
