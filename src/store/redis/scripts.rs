//! The scripts. Redis runs each of them as one step.

use redis::Script;

/// All scripts, hashed once.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) mint: Script,
    pub(super) get_many: Script,
    pub(super) revoke: Script,
    pub(super) post: Script,
    pub(super) due: Script,
    pub(super) cut_offs: Script,
    pub(super) compare_and_set: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            mint: Script::new(include_str!("mint.lua")),
            get_many: Script::new(include_str!("get_many.lua")),
            revoke: Script::new(include_str!("revoke.lua")),
            post: Script::new(include_str!("post.lua")),
            due: Script::new(include_str!("due.lua")),
            cut_offs: Script::new(include_str!("cut_offs.lua")),
            compare_and_set: Script::new(include_str!("compare_and_set.lua")),
        }
    }
}

/// Writes the epochs of all tags that have none, or another server's.
pub(super) fn epochs() -> Script {
    Script::new(include_str!("epochs.lua"))
}
