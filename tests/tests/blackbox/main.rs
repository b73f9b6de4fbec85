//! Promises of the product, each shown on the real binary.

mod audit;
mod bounds;
mod docs;
mod doors;
mod drain;
mod exchange;
mod hosts;
mod native;
mod pypi;
mod reload;
mod throttle;
mod tls;
mod uv;
