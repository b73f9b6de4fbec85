//! A registry of which nothing is known but what HTTP's methods mean.

use super::super::route::{Route, on, read};
use crate::registry::Action::{Publish, Yank};

pub(super) const ROUTES: &[Route] =
    &[read("/{rest}"), on("PUT POST PATCH", "/{rest}", &[Publish]), on("DELETE", "/{rest}", &[Yank])];
