//! What the black-box tests stand on: an issuer built on another JOSE library, the real binary, and
//! real servers. A missing tool fails the test that needs it.

pub mod attack;
pub mod binary;
pub mod broker;
pub mod claims;
pub mod clients;
pub mod deciding;
pub mod flood;
pub mod forward_auth;
pub mod hostile_issuer;
pub mod https;
pub mod in_process;
pub mod inbox;
pub mod issuer;
pub mod keys;
pub mod kind_case;
pub mod nginx;
pub mod oauth2_mock;
pub mod programs;
pub mod proxied;
pub mod proxy;
pub mod raw;
pub mod raw_keys;
pub mod redis_server;
pub mod redis_topology;
pub mod reporter;
pub mod server;
pub mod setup;
pub mod shell;
pub mod tls;
pub mod uploads;
pub mod upstream;
pub mod workbench;

pub use broker::{BrokerProcess, Reply, Setup};
pub use claims::{github, now};
pub use issuer::Issuer;
pub use kind_case::KindCase;
pub use workbench::Workbench;

/// Sends a process a signal by name, such as `TERM` or `STOP`.
pub fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(status.expect("kill").success());
}
