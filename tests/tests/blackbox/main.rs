//! Promises of the product, each shown on the real binary.

mod architecture;
mod audit;
mod bad_files;
mod bounds;
mod differential;
mod docs;
mod doors;
mod drain;
mod exchange;
mod github_claims;
mod hostile_claims;
mod hostile_header;
mod hostile_issuers;
mod hostile_json;
mod hostile_keys;
mod hostile_shape;
mod hosts;
mod introspection;
mod native;
mod pypi;
mod reload;
mod throttle;
mod tls;
mod uv;
