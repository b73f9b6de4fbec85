//! Globs that cannot surprise: anchored, never empty, and `*` stays within its segment.

/// What `*` never crosses; `**` crosses `/` only.
const SEPARATORS: [char; 3] = ['/', ':', '@'];

/// A glob pattern. `*` is one or more characters other than `/`, `:` and `@`; `**` is one or more
/// characters other than `:` and `@`. It begins with a literal and matches the whole value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    pattern: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Piece {
    Literal(String),
    Star,
    DoubleStar,
}

/// Why a pattern is not a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It would match any beginning.
    #[error("a glob begins with a literal, so that it cannot match just anything")]
    NoLiteral,
    /// `***`, `**/*` written without the `/`, and the like.
    #[error("wildcards are separated by literals")]
    Adjacent,
    /// Nothing to expand.
    #[error("there is no `*` in it; write the value as a plain string")]
    NoWildcard,
    /// Longer than any claim worth matching.
    #[error("a glob has at most {MAX_LENGTH} bytes and {MAX_WILDCARDS} wildcards")]
    TooLong,
}

const MAX_LENGTH: usize = 512;
const MAX_WILDCARDS: usize = 8;

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`GlobError`].
    pub fn parse(pattern: &str) -> Result<Self, GlobError> {
        if pattern.is_empty() || pattern.starts_with('*') {
            return Err(GlobError::NoLiteral);
        }
        let mut pieces = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let literal = &rest[..rest.find('*').unwrap_or(rest.len())];
            rest = &rest[literal.len()..];
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            let stars = rest.len() - rest.trim_start_matches('*').len();
            rest = &rest[stars..];
            match stars {
                0 => {}
                1 => pieces.push(Piece::Star),
                2 => pieces.push(Piece::DoubleStar),
                _ => return Err(GlobError::Adjacent),
            }
        }
        let wildcards = pieces.iter().filter(|piece| !matches!(piece, Piece::Literal(_))).count();
        if wildcards == 0 {
            return Err(GlobError::NoWildcard);
        }
        if wildcards > MAX_WILDCARDS || pattern.len() > MAX_LENGTH {
            return Err(GlobError::TooLong);
        }
        Ok(Self { pattern: pattern.to_owned(), pieces })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// A value that matches.
    pub fn sample(&self) -> String {
        let shortest = |piece: &Piece| match piece {
            Piece::Literal(literal) => literal.clone(),
            Piece::Star | Piece::DoubleStar => "1".to_owned(),
        };
        self.pieces.iter().map(shortest).collect()
    }

    /// Whether the whole value matches. Takes time in proportion to the value's length times the
    /// number of wildcards: the positions that each piece can end at are found piece by piece.
    pub fn matches(&self, value: &str) -> bool {
        let mut ends = vec![false; value.len() + 1];
        ends[0] = true;
        for piece in &self.pieces {
            ends = match piece {
                Piece::Literal(literal) => after_literal(value, literal, &ends),
                Piece::Star => after_wildcard(value, &ends, |c| !SEPARATORS.contains(&c)),
                Piece::DoubleStar => after_wildcard(value, &ends, |c| c == '/' || !SEPARATORS.contains(&c)),
            };
        }
        ends[value.len()]
    }
}

fn after_literal(value: &str, literal: &str, starts: &[bool]) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    for (start, _) in starts.iter().enumerate().filter(|(_, reachable)| **reachable) {
        if value.as_bytes()[start..].starts_with(literal.as_bytes()) {
            ends[start + literal.len()] = true;
        }
    }
    ends
}

fn after_wildcard(value: &str, starts: &[bool], crosses: impl Fn(char) -> bool) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    let mut running = false;
    for (start, letter) in value.char_indices() {
        running = (running || starts[start]) && crosses(letter);
        ends[start + letter.len_utf8()] = running;
    }
    ends
}

#[cfg(test)]
mod tests {
    use crate::policy::engine::glob::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Glob::parse(pattern).expect("a glob").matches(value)
    }

    #[test]
    fn star_stays_within_its_segment() {
        for (pattern, value, expected) in [
            ("refs/tags/v*", "refs/tags/v1.0", true),
            ("refs/tags/v*", "refs/tags/v", false),
            ("refs/tags/v*", "refs/tags/v1/x", false),
            ("refs/tags/v*", "xrefs/tags/v1", false),
            ("refs/tags/v*", "refs/tags/v1\n", true),
            ("refs/tags/v*", "refs/tags/v1@x", false),
            ("refs/tags/v*", "refs/tags/v1:x", false),
            ("refs/heads/**", "refs/heads/a/b", true),
            ("refs/heads/**", "refs/heads/a", true),
            ("refs/heads/**", "refs/heads/", false),
            ("refs/heads/**", "refs/heads/a@b", false),
            ("refs/*/v*", "refs/tags/v1", true),
            ("refs/*/v*", "refs//v1", false),
            ("v*.*.*", "v1.2.3", true),
            ("v*.*.*", "v1.2", false),
            ("v*-rc*", "v1-rc-rc1", true),
            ("ä*ö", "äüö", true),
            ("ä*ö", "äö", false),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn rejects_globs_that_match_anything() {
        for (pattern, error) in [
            ("", GlobError::NoLiteral),
            ("*", GlobError::NoLiteral),
            ("**", GlobError::NoLiteral),
            ("*x", GlobError::NoLiteral),
            ("v***", GlobError::Adjacent),
            ("v1", GlobError::NoWildcard),
        ] {
            assert_eq!(Glob::parse(pattern), Err(error), "{pattern}");
        }
        assert_eq!(Glob::parse(&"a*".repeat(9)), Err(GlobError::TooLong));
    }
}
