//! The stores, in-process and with a clock that the test moves: one contract for all of them, and
//! what each of them promises beside it.

mod cluster;
mod contract;
mod embedded;
mod redis_single;
mod sentinel;
mod world;
