//! The response to a leak report: classify what was reported, queue the messages, revoke the tokens of the
//! affected runs, and publish what was done.

mod affected_runs;
pub(super) mod classify;
mod messages;
mod respond;
