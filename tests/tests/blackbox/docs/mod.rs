//! What the documentation shows is run or parsed, block by block; and its lists are complete. Links are
//! looked at by `scripts/docs`.

mod commands;
mod lists;
mod others;
mod promises;
mod tables;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// A page of the documentation.
struct Page {
    /// Its path in the repository.
    name: String,
    text: String,
}

/// A fenced block.
struct Block {
    language: String,
    text: String,
    /// `name:line`, for messages.
    at: String,
}

/// The pages at the root and everything below `docs/`.
fn pages() -> Vec<Page> {
    let mut names: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned).into();
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{folder}/{}", entry.file_name().to_str().expect("a name"));
            if entry.path().is_dir() {
                folders.push(name);
            } else if name.ends_with(".md") {
                names.push(name);
            }
        }
    }
    names.sort();
    let read = |name: String| {
        let text = std::fs::read_to_string(root().join(&name)).expect("a page");
        Page { name, text }
    };
    names.into_iter().map(read).collect()
}

impl Page {
    /// Its fenced blocks, which may be indented as a part of a list.
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for (index, line) in self.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => {
                    let at = format!("{}:{}", self.name, index + 1);
                    open = Some((
                        indent,
                        Block { language: language.trim().to_owned(), text: String::new(), at },
                    ));
                }
                (Some(_), Some(rest)) => {
                    assert!(rest.is_empty(), "{}:{}: a fence within a block", self.name, index + 1);
                    blocks.extend(open.take().map(|(_, block)| block));
                }
                (Some((indent, block)), None) => {
                    block.text.push_str(line.get(*indent..).unwrap_or("").trim_end());
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{} ends within a block", self.name);
        blocks
    }

    /// Those of one language.
    fn blocks_of(&self, language: &str) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.language == language).collect()
    }
}

/// Every block is of a language that one of the tests here takes; another one needs a test first.
#[test]
fn each_block_has_a_rule() {
    let mut seen = 0;
    for page in pages() {
        for block in page.blocks() {
            let known =
                tables::covers(&block) || commands::covers(&page, &block) || others::covers(&page, &block);
            assert!(known, "{}: nothing tests a block of {:?} here", block.at, block.language);
            seen += 1;
        }
    }
    assert!(seen >= 140, "only {seen} blocks were found");
}
