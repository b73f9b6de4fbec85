//! `[store]`.

use std::path::PathBuf;

use crate::settings::Files;
use crate::store::redis::RedisUrl;
use crate::toml_reader::Section;

/// The store that the configuration names.
#[derive(Debug)]
pub enum StoreConfig {
    /// The embedded store, in this file.
    Embedded(PathBuf),
    /// Redis, in one of its topologies.
    Redis(RedisUrl),
}

pub(super) fn read(root: &Section<'_>, files: &Files<'_>) -> Option<StoreConfig> {
    let Some(section) = root.section("store") else {
        return (!root.contains("store")).then(|| StoreConfig::Embedded(PathBuf::from("trustmint.redb")));
    };
    let url = section.string("url").and_then(|text| {
        // The text is not repeated: a password may be in it.
        RedisUrl::parse(text.value)
            .map_err(|error| section.error(&text.span, format!("`url` is not one of a store: {error}"), None))
            .ok()
    });
    let path = section.string("path").map(|path| files.path(path.value));
    let ca = files.read(&section, "ca_file");
    let password = files.secret(&section, "password_file");
    let has_url = section.contains("url");
    if has_url && path.is_some() {
        section.error(
            section.span(),
            "[store] has both `url` and `path`",
            "`path` is the embedded store's file, `url` is Redis".to_owned(),
        );
    }
    section.finish();
    if has_url {
        let mut url = url?;
        url.ca = ca;
        url.password = password;
        return Some(StoreConfig::Redis(url));
    }
    Some(StoreConfig::Embedded(path.unwrap_or_else(|| PathBuf::from("trustmint.redb"))))
}
