//! Promises of the product, each shown on the real binary.

mod crash;
mod exchange;
mod outage;
mod replay;
mod secrets;
mod switches;
