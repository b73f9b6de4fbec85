//! What must be known about the issuer, and about the jobs of it that may publish.

use std::collections::BTreeMap;

use url::Url;

use super::Options;
use super::asker::{Asker, Question};
use crate::identity::Kind;

/// What is known about the issuer.
pub(super) struct Issuer {
    pub(super) kind: &'static Kind,
    pub(super) url: Option<String>,
    pub(super) pins: Vec<(String, String)>,
    pub(super) recommended: Vec<(&'static str, &'static str, String)>,
    pub(super) open: Vec<(&'static str, &'static str)>,
    pub(super) accept_shared_audience: bool,
}

impl Issuer {
    pub(super) fn collect(
        kind: &'static Kind,
        options: &Options,
        given: &mut BTreeMap<String, String>,
        asker: &mut Asker,
    ) -> Result<Self, u8> {
        let url = Self::url(kind, options, asker)?;
        let identifier = url.as_deref().or(kind.urls.default).unwrap_or_default();
        let mut pins = Vec::new();
        for name in Self::pin_names(kind, identifier, options, asker)? {
            let like = kind.shape(&name).map_or(String::new(), |shape| format!(", {shape}"));
            let text = format!("The project's `{name}`{like}");
            let flag = format!("--claim {name}=…");
            let question = Question { flag: &flag, text: &text, ..Question::default() };
            let value =
                asker.ask(&question, given.remove(&name).as_deref(), |value| value_of(kind, &name, value))?;
            pins.extend(value.map(|value| (name, value)));
        }
        let (mut recommended, mut open) = (Vec::new(), Vec::new());
        for (name, why) in kind.recommended() {
            let text = format!("Its `{name}`: {why}");
            let question = Question { flag: "--claim", text: &text, optional: true, ..Question::default() };
            let value =
                asker.ask(&question, given.remove(name).as_deref(), |value| value_of(kind, name, value))?;
            match value {
                Some(value) => recommended.push((name, why, value)),
                None => open.push((name, why)),
            }
        }
        let accept_shared_audience = Self::shared_audience(kind, identifier, options, asker)?;
        Ok(Self { kind, url, pins, recommended, open, accept_shared_audience })
    }

    /// `None` where the kind's own will do.
    fn url(kind: &'static Kind, options: &Options, asker: &mut Asker) -> Result<Option<String>, u8> {
        let question = Question {
            flag: "--issuer-url",
            text: "The issuer's URL",
            default: kind.urls.default,
            ..Question::default()
        };
        let url = asker.ask(&question, options.issuer_url.as_deref(), |text| match Url::parse(text) {
            Err(error) => Err(error.to_string()),
            Ok(url) if url.scheme() != "https" => Err("an issuer is https".to_owned()),
            Ok(url) => (kind.urls.check)(&url).map(|()| text.to_owned()).map_err(str::to_owned),
        })?;
        Ok(url.filter(|url| Some(url.as_str()) != kind.urls.default))
    }

    /// What every policy pins: the kind's own pins, or the operator's.
    fn pin_names(
        kind: &'static Kind,
        url: &str,
        options: &Options,
        asker: &mut Asker,
    ) -> Result<Vec<String>, u8> {
        if kind.has_pins() {
            return Ok(kind.pins(url).into_iter().map(str::to_owned).collect());
        }
        let question = Question {
            flag: "--pin",
            text: "The claims that it never gives to someone else, with spaces between them",
            default: Some("sub"),
            ..Question::default()
        };
        let given = (!options.pins.is_empty()).then(|| options.pins.join(" "));
        let names = asker.ask(&question, given.as_deref(), |names| {
            Ok(names.split_whitespace().map(str::to_owned).collect())
        })?;
        Ok(names.unwrap_or_default())
    }

    /// Where all tokens are for an audience that every customer shares, someone must have agreed to that.
    fn shared_audience(
        kind: &'static Kind,
        url: &str,
        options: &Options,
        asker: &mut Asker,
    ) -> Result<bool, u8> {
        if options.accept_shared_audience || kind.audiences.shared.is_none() {
            return Ok(options.accept_shared_audience);
        }
        if (kind.audiences.fixed)(url).is_none() {
            return Ok(false);
        }
        let text = "All its tokens are for an audience that every customer shares, so anyone who is given one \
                    could present it here. Accept it (yes)?";
        let question = Question { flag: "--accept-shared-audience", text, ..Question::default() };
        let accepted = asker.ask(&question, None, |answer| match answer {
            "yes" => Ok(true),
            _ => Err("there is no other: answer yes, or end with Ctrl-C".to_owned()),
        })?;
        Ok(accepted.unwrap_or_default())
    }
}

fn value_of(kind: &'static Kind, name: &str, value: &str) -> Result<String, String> {
    match kind.shape(name) {
        _ if value.is_empty() => Err("it is not empty".to_owned()),
        _ if value.contains('*') => {
            Err("give one value that it has; a tag stands for all versions".to_owned())
        }
        Some(shape) if !shape.matches(value) => Err(format!("`{name}` is {shape}")),
        _ => Ok(value.to_owned()),
    }
}
