//! The records of a report, read one by one: a bad one spoils nothing, and no more are kept than
//! allowed.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::text::{clipped_to, truncate};

/// The longest address of a place where a token was found, in bytes: a path in a repository.
const LONGEST_URL: usize = 2_048;

/// What is shorter than this is not a token of anyone's, and may be a part of any word.
const SHORTEST: usize = 8;

/// What a report says about one leaked token. Everything but the token is what the reporter says.
#[derive(Clone, Default)]
pub struct Leak {
    /// The string that was found.
    pub token: Zeroizing<String>,
    /// The reporter's name for tokens of its kind.
    pub kind: String,
    /// Where it was found, without the token itself; may be empty.
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
    pub skipped: usize,
}

/// Why a list is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// It has more items than allowed.
    TooMany,
    /// It is not a JSON array.
    NotAnArray,
}

/// The items of a JSON array, at most so many, each as it is written: what is wrong within one is
/// no one else's affair.
///
/// # Errors
/// See [`ListError`].
pub fn items(json: &str, most: usize) -> Result<Vec<&RawValue>, ListError> {
    let mut json = serde_json::Deserializer::from_str(json);
    let list = Items { most }.deserialize(&mut json).and_then(|items| json.end().map(|()| items));
    list.map_err(|error| match error.to_string().starts_with(TOO_MANY) {
        true => ListError::TooMany,
        false => ListError::NotAnArray,
    })
}

/// A string, if it is one.
pub fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The word by which serde says that there are too many.
const TOO_MANY: &str = "too many items";

struct Items {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = all.next_element()? {
            if items.len() >= self.most {
                return Err(de::Error::custom(TOO_MANY));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// A record's members, as far as they are read.
#[derive(Deserialize)]
struct Members<'r> {
    #[serde(borrow)]
    token: Option<&'r RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'r RawValue>,
    #[serde(borrow)]
    url: Option<&'r RawValue>,
    /// What GitLab's revocation API says instead of `url`.
    #[serde(borrow)]
    location: Option<&'r RawValue>,
    #[serde(borrow)]
    source: Option<&'r RawValue>,
}

impl Leaks {
    /// Reads a report of at most so many records. Bytes that are not UTF-8 spoil the strings they are
    /// in, and nothing else.
    ///
    /// # Errors
    /// See [`ListError`].
    pub fn parse(body: &[u8], most: usize) -> Result<Self, ListError> {
        let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
        let mut report = Self::default();
        for record in items(&text, most)? {
            match leak(record) {
                Some(leak) => report.leaks.push(leak),
                None => report.skipped += 1,
            }
        }
        Ok(report)
    }
}

fn leak(record: &RawValue) -> Option<Leak> {
    let members: Members<'_> = serde_json::from_str(record.get()).ok()?;
    let token = Zeroizing::new(string(members.token?)?);
    if token.is_empty() {
        return None;
    }
    // The address may carry the token, as of a request that was logged.
    let said = |raw: Option<&RawValue>| {
        let text = raw.and_then(string).unwrap_or_default();
        if token.len() < SHORTEST { text } else { text.replace(token.as_str(), "(the token)") }
    };
    let url = Some(said(members.url)).filter(|url| !url.is_empty());
    Some(Leak {
        kind: truncate(said(members.kind)),
        url: clipped_to(url.unwrap_or_else(|| said(members.location)), LONGEST_URL),
        source: truncate(said(members.source)),
        token,
    })
}

#[cfg(test)]
mod tests {
    use crate::reporters::leak_list::*;

    #[test]
    fn bad_record_leaves_the_others() {
        let good = r#"{"token":"t","type":"x","url":"https://e","source":"commit","more":{"a":[1]}}"#;
        for other in [
            "null",
            "true",
            "7",
            "-7",
            "1.5",
            "1e999",
            "\"t\"",
            "\"\\ud83d\"",
            "[]",
            "[[{}]]",
            "{}",
            r#"{"type":"x"}"#,
            r#"{"token":null}"#,
            r#"{"token":""}"#,
            r#"{"token":["t"]}"#,
            r#"{"token":{"a":1}}"#,
            r#"{"token":"\ud83d"}"#,
            r#"{"token":"a","token":"b"}"#,
            r#"{"\ud83d":1,"token":"t"}"#,
        ] {
            let body = format!("[{other},{good},{other}]");
            let report = Leaks::parse(body.as_bytes(), 3).expect(other);
            assert_eq!((report.leaks.len(), report.skipped), (1, 2), "{other}");
            let leak = &report.leaks[0];
            assert_eq!(
                (leak.token.as_str(), leak.kind.as_str(), leak.url.as_str(), leak.source.as_str()),
                ("t", "x", "https://e", "commit")
            );
        }
    }

    #[test]
    fn bad_member_leaves_the_others() {
        for (record, url) in [
            (r#"{"token":"a-long-token","type":7,"url":"","source":[]}"#, ""),
            (r#"{"token":"a-long-token","location":"x"}"#, "x"),
            (r#"{"token":"a-long-token","url":"","location":"x"}"#, "x"),
            (r#"{"token":"a-long-token","url":"\ud83d","source":1e999}"#, ""),
            (r#"{"token":"a-long-token","url":{"a":"b"}}"#, ""),
            (
                r#"{"token":"a-long-token","url":"https://e/?auth=a-long-token&x"}"#,
                "https://e/?auth=(the token)&x",
            ),
        ] {
            let report = Leaks::parse(format!("[{record}]").as_bytes(), 1).expect("a report");
            assert_eq!(
                (report.leaks[0].token.as_str(), report.leaks[0].url.as_str()),
                ("a-long-token", url),
                "{record}"
            );
        }
        let body = [&b"[{\"token\":\"a-long-token\",\"url\":\"\xff\"},{\"token\":\"u\"}]"[..]].concat();
        assert_eq!(Leaks::parse(&body, 2).expect("a report").leaks.len(), 2, "bytes that are not UTF-8");
    }

    #[test]
    fn rejects_non_arrays_and_oversized_lists() {
        for body in ["", "{}", "null", "[", "[1", "[1]x", "[1,]", "\u{feff}[]", "[{\"token\":}]"] {
            assert_eq!(Leaks::parse(body.as_bytes(), 9).err(), Some(ListError::NotAnArray), "{body}");
        }
        assert!(Leaks::parse(b"[1,2]", 2).is_ok());
        assert_eq!(Leaks::parse(b"[1,2,3]", 2).err(), Some(ListError::TooMany));
        let many = format!("[{}1]", "1,".repeat(4_000_000));
        assert_eq!(
            Leaks::parse(many.as_bytes(), 10).err(),
            Some(ListError::TooMany),
            "and the rest is not read"
        );
        let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Leaks::parse(deep.as_bytes(), 10).is_ok_and(|report| report.skipped == 1));
    }

    #[test]
    fn leak_text_is_truncated() {
        let long = "x".repeat(100_000);
        let body = format!(r#"[{{"token":"t","type":"{long}","url":"{long}","source":"{long}"}}]"#);
        let report = Leaks::parse(body.as_bytes(), 1).expect("a report");
        let leak = &report.leaks[0];
        assert!(leak.kind.len() + leak.url.len() + leak.source.len() < 3_000);
        assert!(!format!("{leak:?}").contains("\"t\""), "a token is never printed");
    }
}
