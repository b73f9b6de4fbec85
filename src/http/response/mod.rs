//! Writing a response: errors in the format of each client, deadlines and cache headers.

pub(in crate::http) mod error_pages;
pub(in crate::http) mod error_response;
pub(in crate::http) mod middleware;
#[cfg(test)]
pub(crate) mod status_table;
