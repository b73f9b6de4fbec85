//! Promises that many requests, many cases or real time show: floods, crashes, outages and properties.

mod crash;
mod differential;
mod edits_under_load;
mod hostile_key_sets;
mod key_floods;
mod keys_from_files;
mod leak_batches;
mod outage;
mod policy_properties;
mod webhooks;
