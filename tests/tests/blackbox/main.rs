//! Promises of the product, each shown on the real binary.

mod audit;
mod bounds;
mod crash;
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
mod outage;
mod pypi;
mod reload;
mod replay;
mod secrets;
mod switches;
mod throttle;
mod tls;
mod uv;
