//! A table of a document, read key by key.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::toml_reader::datetime::seconds;
use crate::toml_reader::{Code, Diagnostics, Position, Source, closest, without_credentials};

/// A value of the document.
pub type Value<'d> = Spanned<DeValue<'d>>;

/// Parses the text, notes each syntax error, and returns what could be recovered.
pub fn parse<'d>(source: &'d Source, diagnostics: &mut Diagnostics) -> Spanned<DeTable<'d>> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    for error in errors {
        let position = error.span().map(|span| source.position(&span));
        diagnostics.report(Code::Syntax, position, format!("not TOML: {}", error.message()), None);
    }
    table
}

/// The root section of a parsed document.
pub fn document<'d>(
    source: &'d Source,
    table: &'d Spanned<DeTable<'d>>,
    diagnostics: &'d RefCell<Diagnostics>,
) -> Section<'d> {
    Section {
        source,
        diagnostics,
        path: String::new(),
        span: table.span(),
        table: table.get_ref(),
        known: RefCell::new(BTreeSet::new()),
    }
}

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Range<usize>,
}

/// A table of the document. Keys that no one asked for by the time of [`Section::finish`] are errors.
pub struct Section<'d> {
    source: &'d Source,
    diagnostics: &'d RefCell<Diagnostics>,
    path: String,
    span: Range<usize>,
    table: &'d DeTable<'d>,
    known: RefCell<BTreeSet<String>>,
}

impl<'d> Section<'d> {
    /// The section's own name, such as `registries.pypi`; empty at the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the section begins.
    pub fn position(&self) -> Position {
        self.source.position(&self.span)
    }

    /// Where a span of this document begins.
    pub fn position_of(&self, span: &Range<usize>) -> Position {
        self.source.position(span)
    }

    /// The section's span.
    pub fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Notes an error at a place in this document, of the general kind.
    pub fn error(&self, span: &Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.report(Code::Malformed, span, message, help);
    }

    /// Notes a finding at a place in this document.
    pub fn report(
        &self,
        code: Code,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let position = self.source.position(span);
        self.diagnostics.borrow_mut().report(code, position, message, help);
    }

    /// The keys that are written here, in order.
    pub fn keys(&self) -> Vec<Located<&'d str>> {
        let mut keys: Vec<_> = self
            .table
            .iter()
            .map(|(key, _)| Located { value: key.get_ref().as_ref(), span: key.span() })
            .collect();
        keys.sort_by_key(|key| key.span.start);
        keys
    }

    /// The raw value under a key.
    pub fn value(&self, key: &str) -> Option<&'d Value<'d>> {
        self.known.borrow_mut().insert(key.to_owned());
        self.takes(key, String::new);
        self.table.get(key)
    }

    /// Whether a key is written here; does not count as reading it.
    pub fn contains(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A string, or nothing if it is not there or not a string.
    pub fn string(&self, key: &str) -> Option<Located<&'d str>> {
        self.takes(key, || "string".to_owned());
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Located { value: text.as_ref(), span: value.span() }),
            other => {
                self.wrong_type(key, value.span(), "a string in quotes", other);
                None
            }
        }
    }

    /// A string that must be there.
    pub fn required(&self, key: &str, example: &str) -> Option<Located<&'d str>> {
        self.takes(key, || "string".to_owned());
        if !self.contains(key) {
            self.value(key);
            self.missing(key, example);
            return None;
        }
        self.string(key)
    }

    /// Notes that a key is missing.
    pub fn missing(&self, key: &str, example: &str) {
        self.missing_with(key, example, "");
    }

    /// Notes that a key is missing, with a remark about the example.
    pub fn missing_with(&self, key: &str, example: &str, remark: &str) {
        let place = self.place();
        let message = format!("{place} lacks `{key}`");
        self.report(Code::MissingKey, &self.span, message, format!("write `{key} = {example}`{remark}"));
    }

    /// A string that is parsed into a type; the parser's message becomes the error.
    pub fn parsed<T, E: fmt::Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Located<T>> {
        let text = self.string(key)?;
        match parse(text.value) {
            Ok(value) => Some(Located { value, span: text.span }),
            Err(error) => {
                self.error(
                    &text.span,
                    format!("`{key}` cannot be \"{}\": {error}", without_credentials(text.value)),
                    None,
                );
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn number(&self, key: &str, bounds: Range<u64>) -> Option<u64> {
        self.takes(key, || format!("whole number, {} to {}", bounds.start, bounds.end - 1));
        let value = self.value(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, value.span(), "a whole number", value.get_ref());
            return None;
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix());
        if let Ok(parsed) = parsed
            && bounds.contains(&parsed)
        {
            return Some(parsed);
        }
        let message = format!("`{key}` must be from {} to {}", bounds.start, bounds.end - 1);
        self.report(Code::OutOfBounds, &value.span(), message, None);
        None
    }

    /// `true` or `false`; `false` if it is not there.
    pub fn flag(&self, key: &str) -> bool {
        self.takes(key, || "boolean".to_owned());
        let Some(value) = self.value(key) else {
            return false;
        };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.wrong_type(key, value.span(), "true or false", value.get_ref());
        false
    }

    /// A date or a time with its offset, in seconds since the epoch.
    pub fn instant(&self, key: &str) -> Option<u64> {
        self.takes(key, || "date, or a time with its offset".to_owned());
        let value = self.value(key)?;
        let DeValue::Datetime(datetime) = value.get_ref() else {
            self.wrong_type(key, value.span(), "a date such as 2027-01-01, without quotes", value.get_ref());
            return None;
        };
        match seconds(&datetime.to_string()) {
            Ok(seconds) => Some(seconds),
            Err(why) => {
                self.error(&value.span(), format!("`{key}` is not an instant: {why}"), None);
                None
            }
        }
    }

    /// A duration such as `"15m"` within bounds, in whole seconds.
    pub fn duration(&self, key: &str, bounds: Range<u64>) -> Option<u64> {
        let millis = self.millis(key, bounds.start * 1000..(bounds.end - 1) * 1000 + 1)?;
        if millis.subsec_nanos() != 0 {
            let span = self.string(key)?.span;
            self.error(&span, format!("`{key}` must be whole seconds"), None);
            return None;
        }
        Some(millis.as_secs())
    }

    /// A duration such as `"1500ms"` within bounds that are given in milliseconds.
    pub fn millis(&self, key: &str, bounds: Range<u64>) -> Option<Duration> {
        #[cfg(test)]
        self.takes(key, || crate::toml_reader::asked::durations(&bounds));
        let parsed = self.parsed(key, |text| {
            humantime::parse_duration(text).map_err(|_| "write a duration such as \"15m\" or \"90s\"")
        })?;
        let (least, most) = (Duration::from_millis(bounds.start), Duration::from_millis(bounds.end - 1));
        if (least..=most).contains(&parsed.value) {
            return Some(parsed.value);
        }
        let show = humantime::format_duration;
        let message = format!("`{key}` must be from {} to {}", show(least), show(most));
        self.report(Code::OutOfBounds, &parsed.span, message, None);
        None
    }

    /// A list of strings; a single string counts as a list of one.
    pub fn strings(&self, key: &str) -> Vec<Located<&'d str>> {
        self.takes(key, || "string, or a list of strings".to_owned());
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::String(text) => vec![Located { value: text.as_ref(), span: value.span() }],
            DeValue::Array(items) => self.strings_of(key, items),
            other => {
                self.wrong_type(key, value.span(), "a list of strings", other);
                Vec::new()
            }
        }
    }

    /// The strings of an array; anything else in it is an error.
    pub fn strings_of(&self, key: &str, items: &'d DeArray<'d>) -> Vec<Located<&'d str>> {
        items
            .iter()
            .filter_map(|item| match item.get_ref() {
                DeValue::String(text) => Some(Located { value: text.as_ref(), span: item.span() }),
                other => {
                    self.wrong_type(key, item.span(), "strings in quotes", other);
                    None
                }
            })
            .collect()
    }

    /// A table under a key.
    pub fn section(&self, key: &str) -> Option<Section<'d>> {
        self.takes(key, || "table".to_owned());
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(self.child(key, value.span(), table)),
            other => {
                self.wrong_type(key, value.span(), "a table", other);
                None
            }
        }
    }

    /// The tables of a table, such as `[issuers.*]`, with their names.
    pub fn sections(&self, key: &str) -> Vec<(Located<&'d str>, Section<'d>)> {
        let Some(parent) = self.section(key) else {
            return Vec::new();
        };
        let names = parent.keys();
        names
            .into_iter()
            .filter_map(|name| parent.section(name.value).map(|section| (name, section)))
            .collect()
    }

    /// The tables of an array of tables, such as `[[policy]]`.
    pub fn list(&self, key: &str) -> Vec<Section<'d>> {
        self.takes(key, || "list of tables".to_owned());
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.error(
                &value.span(),
                format!("`{key}` must be a list of tables"),
                format!("write `[[{}]]`", self.qualified(key)),
            );
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| match item.get_ref() {
                DeValue::Table(table) => Some(self.child(key, item.span(), table)),
                other => {
                    self.wrong_type(key, item.span(), "a table", other);
                    None
                }
            })
            .collect()
    }

    /// Notes each key that no one asked for.
    pub fn finish(self) {
        let known = self.known.borrow();
        for key in self.keys() {
            if !known.contains(key.value) {
                let place = self.place();
                let help = closest(key.value, known.iter().map(String::as_str))
                    .map(|near| format!("did you mean `{near}`?"));
                let message = format!("{place} has no key `{}`", key.value);
                self.report(Code::UnknownKey, &key.span, message, help);
            }
        }
    }

    /// Notes a value of the wrong type.
    pub fn wrong_type(&self, key: &str, span: Range<usize>, wanted: &str, got: &DeValue<'_>) {
        self.error(&span, format!("`{key}` must be {wanted}, not {}", with_article(got.type_str())), None);
    }

    /// Notes what a reader takes under a key, for the reference.
    #[cfg(test)]
    fn takes(&self, key: &str, form: impl FnOnce() -> String) {
        crate::toml_reader::asked::note(self.qualified(key), &form());
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "it is for the tests")]
    fn takes(&self, _: &str, _: impl FnOnce() -> String) {}

    fn child(&self, key: &str, span: Range<usize>, table: &'d DeTable<'d>) -> Section<'d> {
        Section {
            source: self.source,
            diagnostics: self.diagnostics,
            path: self.qualified(key),
            span,
            table,
            known: RefCell::new(BTreeSet::new()),
        }
    }

    fn qualified(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn place(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) }
    }
}

fn with_article(type_name: &str) -> String {
    match type_name {
        "integer" | "array" => format!("an {type_name}"),
        other => format!("a {other}"),
    }
}
