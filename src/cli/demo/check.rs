//! What an answer must be; anything else ends the demo.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::client::{Answer, told_field};

/// Members that say why, in answers that were to be different.
const EXPLAIN: [&str; 4] = ["/reason", "/error", "/error_description", "/detail"];

/// What is wanted at one place of an answer.
#[derive(Debug)]
enum Want {
    Equals(Value),
    Begins(&'static str),
    Within(RangeInclusive<u64>),
    Absent,
}

impl Want {
    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            Self::Equals(wanted) => found == Some(wanted),
            Self::Begins(prefix) => {
                found.and_then(Value::as_str).is_some_and(|text| text.starts_with(prefix))
            }
            Self::Within(range) => {
                found.and_then(Value::as_u64).is_some_and(|number| range.contains(&number))
            }
            Self::Absent => found.is_none_or(Value::is_null),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(Value::String(text)) => f.write_str(text),
            Self::Equals(value) => write!(f, "{value}"),
            Self::Begins(prefix) => write!(f, "{prefix}…"),
            Self::Within(range) => write!(f, "{} to {}", range.start(), range.end()),
            Self::Absent => f.write_str("(nothing)"),
        }
    }
}

/// What an answer must be: its status, and the members that decide, by JSON pointer.
#[derive(Debug)]
pub(super) struct Expected {
    status: u16,
    wants: Vec<(&'static str, Want)>,
}

impl Expected {
    pub(super) fn status(status: u16) -> Self {
        Self { status, wants: Vec::new() }
    }

    pub(super) fn equals(self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.want(pointer, Want::Equals(value.into()))
    }

    pub(super) fn begins(self, pointer: &'static str, prefix: &'static str) -> Self {
        self.want(pointer, Want::Begins(prefix))
    }

    pub(super) fn within(self, pointer: &'static str, range: RangeInclusive<u64>) -> Self {
        self.want(pointer, Want::Within(range))
    }

    /// No body at all.
    pub(super) fn empty(self) -> Self {
        self.want("", Want::Absent)
    }

    fn want(mut self, pointer: &'static str, want: Want) -> Self {
        self.wants.push((pointer, want));
        self
    }

    /// The members that decide, as the answer has them.
    pub(super) fn told(&self, answer: &Answer) -> Vec<String> {
        self.wants
            .iter()
            .filter_map(|(pointer, _)| Some((*pointer, answer.body.pointer(pointer)?)))
            .filter(|(_, value)| !value.is_null())
            .map(|(pointer, value)| told_member(&name(pointer), value))
            .collect()
    }

    /// Compares.
    ///
    /// # Errors
    /// What was expected and what was got.
    pub(super) fn check(&self, answer: &Answer) -> Result<(), Unexpected> {
        let holds = self.wants.iter().all(|(pointer, want)| want.holds(answer.body.pointer(pointer)));
        if answer.status == self.status && holds {
            return Ok(());
        }
        let found = |pointer| answer.body.pointer(pointer).filter(|value| !value.is_null());
        let mut got = vec![answer.status.to_string()];
        for (pointer, _) in &self.wants {
            let name = name(pointer);
            got.push(match found(pointer) {
                Some(value) => told_member(&name, value),
                None => format!("no {}", if name.is_empty() { "body" } else { &name }),
            });
        }
        for pointer in EXPLAIN.into_iter().filter(|why| self.wants.iter().all(|(known, _)| known != why)) {
            got.extend(found(pointer).map(|value| told_member(&name(pointer), value)));
        }
        Err(self.instead(got.join("  ")))
    }

    /// Says what was got instead.
    pub(super) fn instead(&self, got: String) -> Unexpected {
        Unexpected { expected: self.to_string(), got }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (pointer, want) in &self.wants {
            match name(pointer).as_str() {
                "" => write!(f, "  {want}")?,
                name => write!(f, "  {name}={want}")?,
            }
        }
        Ok(())
    }
}

/// `/publisher/ref` is `publisher.ref`.
fn name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn told_member(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => told_field(name, text),
        value if name.is_empty() => value.to_string(),
        value => format!("{name}={value}"),
    }
}

/// An answer that was not expected.
#[derive(Debug)]
pub(super) struct Unexpected {
    pub(super) expected: String,
    pub(super) got: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_is_unexpected() {
        let expected =
            || Expected::status(200).equals("/active", true).begins("/token", "tm_").within("/exp", 1..=9);
        let check = |status, body| expected().check(&Answer { status, body }).is_ok();
        let good = json!({ "active": true, "token": "tm_x", "exp": 9, "more": 1 });
        assert!(check(200, good.clone()));
        assert!(!check(201, good.clone()), "status");
        for (pointer, value) in
            [("/active", json!("true")), ("/token", json!("x_tm_")), ("/exp", json!(0)), ("/exp", json!("9"))]
        {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect("there") = value;
            assert!(!check(200, bad), "{pointer}");
        }
        assert!(!check(200, Value::Null), "no body");
        assert!(Expected::status(200).empty().check(&Answer { status: 200, body: Value::Null }).is_ok());
        assert!(Expected::status(200).empty().check(&Answer { status: 200, body: json!({}) }).is_err());
    }

    #[test]
    fn unexpected_denial_shows_its_reason() {
        let body = json!({ "reason": "replayed", "error": "invalid_request", "claim": "x" });
        let unexpected = Expected::status(200).equals("/active", true).check(&Answer { status: 400, body });
        let got = unexpected.expect_err("400").got;
        assert_eq!(got, "400  no active  reason=replayed  error=invalid_request");
    }

    #[test]
    fn output_shows_no_whole_token() {
        let token = "tm_pypi_".to_owned() + &"a".repeat(40);
        let answer = Answer { status: 500, body: json!({ "access_token": token.clone(), "n": [1] }) };
        let expected = Expected::status(200).begins("/access_token", "tm_").equals("/n", json!([1]));
        let unexpected = expected.check(&answer).expect_err("status");
        assert_eq!(unexpected.expected, "200  access_token=tm_…  n=[1]");
        assert!(unexpected.got.starts_with("500  access_token=tm_pypi_"), "{}", unexpected.got);
        for told in [unexpected.got, expected.told(&answer).join(" ")] {
            assert!(told.contains("n=[1]") && !told.contains(&token), "{told}");
        }
    }
}
