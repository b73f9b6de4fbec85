//! The records of a report, read one by one: a bad one spoils nothing, and no more are kept than
//! allowed.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::echo::{clipped, clipped_to};

/// The longest address of a place where a token was found, in bytes: a path in a repository.
const LONGEST_URL: usize = 2_048;

/// What a report says about one leaked token. Everything but the token is what the reporter says.
#[derive(Clone, Default)]
pub struct Leak {
    /// The string that was found; empty where a record has none.
    pub token: Zeroizing<String>,
    /// The reporter's name for tokens of its kind.
    pub kind: String,
    /// Where it was found; may be empty.
    pub url: String,
    /// In what it was found, such as `commit`; may be empty.
    pub source: String,
}

impl fmt::Debug for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leak").field("url", &self.url).field("source", &self.source).finish_non_exhaustive()
    }
}

/// A report.
#[derive(Debug, Default)]
pub struct Leaks {
    /// Its records that name a token.
    pub leaks: Vec<Leak>,
    /// How many records name none.
    pub passed_over: usize,
}

/// Why a body is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// It has more records than allowed.
    Records,
    /// It is no JSON array.
    NoArray,
}

/// The word by which serde says that there are too many.
const TOO_MANY: &str = "too many records";

impl Leaks {
    /// Reads a report of at most so many records.
    ///
    /// # Errors
    /// See [`TooMany`].
    pub fn parse(body: &[u8], most: usize) -> Result<Self, TooMany> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let report = Report { most }.deserialize(&mut json).and_then(|leaks| json.end().map(|()| leaks));
        report.map_err(|error| match error.to_string().starts_with(TOO_MANY) {
            true => TooMany::Records,
            false => TooMany::NoArray,
        })
    }
}

struct Report {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Report {
    type Value = Leaks;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Leaks, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Report {
    type Value = Leaks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<Leaks, A::Error> {
        let mut report = Leaks::default();
        while let Some(leak) = records.next_element_seed(Record)? {
            if report.leaks.len() + report.passed_over >= self.most {
                return Err(de::Error::custom(TOO_MANY));
            }
            match leak.filter(|leak| !leak.token.is_empty()) {
                Some(leak) => report.leaks.push(leak),
                None => report.passed_over += 1,
            }
        }
        Ok(report)
    }
}

/// One record, or something else in its place.
struct Record;

impl<'de> DeserializeSeed<'de> for Record {
    type Value = Option<Leak>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Leak>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Record {
    type Value = Option<Leak>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<Leak>, A::Error> {
        let mut leak = Leak::default();
        while let Some(Text(Some(name))) = members.next_key()? {
            match name.as_str() {
                "token" => leak.token = Zeroizing::new(members.next_value::<Text>()?.or_empty()),
                "type" => leak.kind = clipped(members.next_value::<Text>()?.or_empty()),
                // GitLab's revocation API says `location`.
                "url" | "location" => {
                    leak.url = clipped_to(members.next_value::<Text>()?.or_empty(), LONGEST_URL);
                }
                "source" => leak.source = clipped(members.next_value::<Text>()?.or_empty()),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(leak))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Leak>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Leak>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Leak>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Leak>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Leak>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<Leak>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Leak>, E> {
        Ok(None)
    }
}

/// A string, or nothing where something else stands.
struct Text(Option<String>);

impl Text {
    fn or_empty(self) -> String {
        self.0.unwrap_or_default()
    }
}

impl<'de> de::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyText)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text(Some(text)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_record_spoils_nothing() {
        let good = r#"{"token":"t","type":"x","url":"https://e","source":"commit","more":{"a":[1]}}"#;
        for other in [
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            "\"t\"",
            "[]",
            "[[{}]]",
            "{}",
            r#"{"type":"x"}"#,
            r#"{"token":null}"#,
            r#"{"token":""}"#,
            r#"{"token":["t"]}"#,
            r#"{"token":{"a":1}}"#,
        ] {
            let body = format!("[{other},{good},{other}]");
            let report = Leaks::parse(body.as_bytes(), 3).expect(other);
            assert_eq!((report.leaks.len(), report.passed_over), (1, 2), "{other}");
            let leak = &report.leaks[0];
            assert_eq!(
                (leak.token.as_str(), leak.kind.as_str(), leak.url.as_str(), leak.source.as_str()),
                ("t", "x", "https://e", "commit")
            );
        }
        // Without `source`, with an empty `url`, with members of other types.
        let body = br#"[{"token":"t","type":7,"url":"","source":[]},{"token":"u","location":"x"}]"#;
        let report = Leaks::parse(body, 2).expect("a report");
        assert_eq!(report.leaks[0].url, "");
        assert_eq!(report.leaks[1].url, "x");
    }

    #[test]
    fn what_is_no_array_or_too_long_is_refused() {
        for body in ["", "{}", "null", "[", "[1", "[1]x", "[1,]", "\u{feff}[]", "[{\"token\":}]"] {
            assert_eq!(Leaks::parse(body.as_bytes(), 9).err(), Some(TooMany::NoArray), "{body}");
        }
        assert!(Leaks::parse(b"[1,2]", 2).is_ok());
        assert_eq!(Leaks::parse(b"[1,2,3]", 2).err(), Some(TooMany::Records));
        let many = format!("[{}1]", "1,".repeat(4_000_000));
        assert_eq!(
            Leaks::parse(many.as_bytes(), 10).err(),
            Some(TooMany::Records),
            "and the rest is not read"
        );
    }

    #[test]
    fn what_is_said_about_a_leak_is_kept_to_a_bounded_length() {
        let long = "x".repeat(100_000);
        let body = format!(r#"[{{"token":"t","type":"{long}","url":"{long}","source":"{long}"}}]"#);
        let report = Leaks::parse(body.as_bytes(), 1).expect("a report");
        let leak = &report.leaks[0];
        assert!(leak.kind.len() + leak.url.len() + leak.source.len() < 3_000);
        assert!(!format!("{leak:?}").contains("\"t\""), "a token is never printed");
    }
}
