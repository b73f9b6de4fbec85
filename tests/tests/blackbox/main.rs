//! Promises of the product, each shown on the real binary.

mod exchange;
mod hosts;
mod pypi;
mod uv;
