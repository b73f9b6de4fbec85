//! Programs of others work with the real binary: stock clients, registries, proxies, scanners and issuers.
//! `scripts/tools` installs them, so plain `cargo test` leaves this target out and `scripts/test clients` runs it.

mod census;
mod foreign_issuer;
mod proxies;
mod quick_start;
mod real_registries;
mod sarif;
mod scanners;
mod standard_webhooks;
mod uv;
