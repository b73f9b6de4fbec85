//! Promises of the product, each shown on the real binary.

mod docs;
mod exchange;
mod reload;
