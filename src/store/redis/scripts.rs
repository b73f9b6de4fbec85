//! The scripts. Redis runs each of them as one step.

use redis::Script;

/// All scripts, hashed once.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) mint: Script,
    pub(super) look: Script,
    pub(super) kill: Script,
    pub(super) post: Script,
    pub(super) due: Script,
    pub(super) cut_offs: Script,
    pub(super) compare_and_set: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            mint: Script::new(include_str!("mint.lua")),
            look: Script::new(include_str!("look.lua")),
            kill: Script::new(include_str!("kill.lua")),
            post: Script::new(include_str!("post.lua")),
            due: Script::new(include_str!("due.lua")),
            cut_offs: Script::new(include_str!("cut_offs.lua")),
            compare_and_set: Script::new(include_str!("compare_and_set.lua")),
        }
    }
}

/// Writes the births of all tags that have none, or another server's.
pub(super) fn births() -> Script {
    Script::new(include_str!("births.lua"))
}
