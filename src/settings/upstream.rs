//! `[registries.*.upstream]`.

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::registry::Upstream;
use crate::settings::Files;
use crate::toml_reader::Section;

/// What a credential cannot be carried in: headers that frame or route a message.
const NO_CARRIERS: [&str; 8] =
    ["connection", "content-length", "content-type", "host", "te", "trailer", "transfer-encoding", "upgrade"];

pub(super) fn read(registry: &Section<'_>, files: &Files<'_>) -> Option<Upstream> {
    let section = registry.section("upstream")?;
    if !section.contains("credential_file") {
        section.missing("credential_file", "\"upstream-credential\"");
    }
    let credential = files.secret(&section, "credential_file").and_then(|secret| {
        let value = HeaderValue::from_str(secret.expose()).ok();
        if value.is_none() {
            section.error(
                section.span(),
                "the file that `credential_file` names is not a header value",
                None,
            );
        }
        value
    });
    let header = section.parsed("credential_header", |text| match HeaderName::try_from(text) {
        Ok(name) if !NO_CARRIERS.contains(&name.as_str()) => Ok(name),
        _ => Err("it is not a header that carries a credential"),
    });
    section.finish();
    let mut credential = credential?;
    credential.set_sensitive(true);
    Some(Upstream { header: header.map_or(AUTHORIZATION, |header| header.value), credential })
}
