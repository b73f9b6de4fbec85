//! The claims of a JWT, read strictly: one meaning or none.
//!
//! RFC 8725 §3.7 wants UTF-8, RFC 7519 §4 allows refusing duplicate names: a parser that takes the
//! last of two is how one token comes to say two things. Depth and number of members are bounded.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep a claim may nest; Kubernetes needs three.
const MAX_DEPTH: usize = 8;
/// How many members and elements a token may have in all.
const MAX_NODES: usize = 1024;

/// One JSON value of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// `null`, which is the same as absent.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or exponent.
    Int(i64),
    /// Any other number; never matches anything.
    Float,
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Claim>),
    /// An object.
    Object(Claims),
}

impl Claim {
    /// The value as policies compare it: strings as they are, whole numbers in decimal, booleans
    /// as `true` and `false`. Everything else has no such form and matches nothing.
    pub fn canonical(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(text.as_str().into()),
            Self::Int(number) => Some(number.to_string().into()),
            Self::Bool(true) => Some("true".into()),
            Self::Bool(false) => Some("false".into()),
            Self::Null | Self::Float | Self::List(_) | Self::Object(_) => None,
        }
    }
}

/// The members of a JSON object, without duplicates, ordered by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(Vec<(String, Claim)>);

/// Why bytes are not claims.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClaimsError(String);

impl Claims {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// Anything but one JSON object in UTF-8, duplicate names at any depth, too deep, too many.
    pub fn parse(json: &[u8]) -> Result<Self, ClaimsError> {
        let mut nodes = MAX_NODES;
        let mut reader = serde_json::Deserializer::from_slice(json);
        let seed = ClaimSeed { depth: MAX_DEPTH, nodes: &mut nodes };
        let claim = seed.deserialize(&mut reader).map_err(|e| ClaimsError(e.to_string()))?;
        reader.end().map_err(|e| ClaimsError(e.to_string()))?;
        match claim {
            Claim::Object(claims) => Ok(claims),
            _ => Err(ClaimsError("not a JSON object".to_owned())),
        }
    }

    /// A member by its name.
    pub fn get(&self, name: &str) -> Option<&Claim> {
        self.0.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok().map(|index| &self.0[index].1)
    }

    /// A claim by its address: a name, or a JSON pointer (RFC 6901) if it begins with `/`.
    /// `null` is absent.
    pub fn at(&self, address: &str) -> Option<&Claim> {
        let found = match address.strip_prefix('/') {
            None => self.get(address)?,
            Some(pointer) => {
                let mut segments = pointer.split('/');
                let mut claim = self.get(&unescaped(segments.next()?))?;
                for segment in segments {
                    let Claim::Object(object) = claim else { return None };
                    claim = object.get(&unescaped(segment))?;
                }
                claim
            }
        };
        (*found != Claim::Null).then_some(found)
    }

    /// A string member.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Claim::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// All members, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Claim)> {
        self.0.iter().map(|(name, claim)| (name.as_str(), claim))
    }

    /// Adds or replaces a claim by its address. What is on the way there becomes an object.
    pub fn set_at(&mut self, address: &str, claim: Claim) {
        let Some(pointer) = address.strip_prefix('/') else { return self.set(address, claim) };
        let mut segments: Vec<_> = pointer.split('/').map(unescaped).collect();
        let Some(last) = segments.pop() else { return };
        let mut object = self;
        for segment in segments {
            let Claim::Object(inner) = object.entry(&segment, Claim::Object(Self::default())) else { return };
            object = inner;
        }
        object.set(&last, claim);
    }

    /// Takes a claim away by its address.
    pub fn remove_at(&mut self, address: &str) {
        if self.at(address).is_some() {
            self.set_at(address, Claim::Null);
        }
    }

    /// A member, which is there and of this variant afterwards.
    fn entry(&mut self, name: &str, default: Claim) -> &mut Claim {
        let index = match self.0.binary_search_by(|(key, _)| key.as_str().cmp(name)) {
            Ok(index) => index,
            Err(index) => {
                self.0.insert(index, (name.to_owned(), Claim::Null));
                index
            }
        };
        let member = &mut self.0[index].1;
        if std::mem::discriminant(member) != std::mem::discriminant(&default) {
            *member = default;
        }
        member
    }

    /// Adds or replaces a member.
    pub fn set(&mut self, name: &str, claim: Claim) {
        match self.0.binary_search_by(|(key, _)| key.as_str().cmp(name)) {
            Ok(index) => self.0[index].1 = claim,
            Err(index) => self.0.insert(index, (name.to_owned(), claim)),
        }
    }
}

/// RFC 6901 §4.
fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut nodes = MAX_NODES;
        match (ClaimSeed { depth: MAX_DEPTH, nodes: &mut nodes }).deserialize(deserializer)? {
            Claim::Object(claims) => Ok(claims),
            _ => Err(D::Error::custom("not a JSON object")),
        }
    }
}

/// Carries the bounds into nested values.
struct ClaimSeed<'n> {
    depth: usize,
    nodes: &'n mut usize,
}

impl<'de> DeserializeSeed<'de> for ClaimSeed<'_> {
    type Value = Claim;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Claim, D::Error> {
        let Some(left) = self.nodes.checked_sub(1) else {
            return Err(D::Error::custom("too many members"));
        };
        *self.nodes = left;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ClaimSeed<'_> {
    type Value = Claim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Claim, E> {
        Ok(Claim::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Claim, E> {
        Ok(Claim::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Claim, E> {
        Ok(Claim::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Claim, E> {
        Ok(i64::try_from(value).map_or(Claim::Float, Claim::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Claim, E> {
        Ok(Claim::Float)
    }

    fn visit_str<E>(self, value: &str) -> Result<Claim, E> {
        Ok(Claim::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Claim, E> {
        Ok(Claim::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Claim, A::Error> {
        let depth = deeper::<A::Error>(self.depth)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(ClaimSeed { depth, nodes: &mut *self.nodes })? {
            items.push(item);
        }
        Ok(Claim::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claim, A::Error> {
        let depth = deeper::<A::Error>(self.depth)?;
        let mut members: Vec<(String, Claim)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(ClaimSeed { depth, nodes: &mut *self.nodes })?;
            members.push((name, value));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a name occurs twice"));
        }
        Ok(Claim::Object(Claims(members)))
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Claims, ClaimsError> {
        Claims::parse(json.as_bytes())
    }

    #[test]
    fn rejects_ambiguous_json() {
        for json in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"a":1}{"a":2}"#,
            r#"{"a":1},"#,
            r#"["a"]"#,
            r#""a""#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":1e400}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            "\u{feff}{}",
            "",
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
        assert!(Claims::parse(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
        assert!(Claims::parse(b"{\"\xff\":1}").is_err(), "not UTF-8");
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let nested = |depth| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(6)).is_ok());
        assert!(parse(&nested(9)).is_err());
        let wide = |n: usize| {
            let members: Vec<_> = (0..n).map(|i| format!("\"k{i}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(parse(&wide(1000)).is_ok());
        assert!(parse(&wide(1100)).is_err());
    }

    #[test]
    fn claim_addresses_are_names_or_pointers() {
        let claims = parse(r#"{"a/b":"1","k":{"s~t":{"uid":"2"}},"n":null,"l":["x"]}"#).expect("valid");
        let at = |address| claims.at(address).and_then(Claim::canonical).map(std::borrow::Cow::into_owned);
        assert_eq!(at("a/b").as_deref(), Some("1"));
        assert_eq!(at("/a~1b").as_deref(), Some("1"));
        assert_eq!(at("/k/s~0t/uid").as_deref(), Some("2"));
        assert_eq!(at("/l/0"), None, "arrays have no addresses");
        assert_eq!(claims.at("n"), None, "null is absent");
        assert_eq!(claims.at("k/s~t/uid"), None);
    }

    #[test]
    fn claim_is_set_and_removed_at_its_address() {
        let mut claims = parse(r#"{"k":{"a":"1"},"s":"text"}"#).expect("valid");
        for (address, json) in [
            ("x", r#"{"k":{"a":"1"},"s":"text","x":true}"#),
            ("/k/b~1c", r#"{"k":{"a":"1","b/c":true},"s":"text","x":true}"#),
            ("/s/d/e", r#"{"k":{"a":"1","b/c":true},"s":{"d":{"e":true}},"x":true}"#),
        ] {
            claims.set_at(address, Claim::Bool(true));
            assert_eq!(claims, parse(json).expect("valid"), "{address}");
            assert_eq!(claims.at(address), Some(&Claim::Bool(true)));
        }
        let before = claims.clone();
        claims.remove_at("/k/none/there");
        assert_eq!(claims, before);
        claims.remove_at("/k/a");
        assert_eq!(claims.at("/k/a"), None);
    }

    #[test]
    fn only_scalars_have_a_canonical_form() {
        let claims = parse(r#"{"i":-7,"b":true,"f":1.0,"l":[1],"u":18446744073709551615}"#).expect("valid");
        let at = |name| claims.get(name).and_then(Claim::canonical).map(std::borrow::Cow::into_owned);
        assert_eq!(at("i").as_deref(), Some("-7"));
        assert_eq!(at("b").as_deref(), Some("true"));
        assert_eq!((at("f"), at("l"), at("u")), (None, None, None));
    }
}
