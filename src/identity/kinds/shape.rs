//! What values of a claim look like, so that a slip of the pen is not a policy that never matches.

use std::fmt;

use super::is_uuid;

/// What a claim's values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number in decimal, as ids that are counted.
    Number,
    /// A UUID in lower case, with hyphens.
    Uuid,
    /// The same in braces.
    BracedUuid,
    /// `true` or `false`.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl Shape {
    /// Returns whether a value has this shape.
    pub fn matches(self, value: &str) -> bool {
        match self {
            Self::Number => !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Uuid => is_uuid(value),
            Self::BracedUuid => {
                value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(is_uuid)
            }
            Self::Flag => matches!(value, "true" | "false"),
            Self::OneOf(values) => values.contains(&value),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("a number"),
            Self::Uuid => f.write_str("a UUID in lower case"),
            Self::BracedUuid => f.write_str("a UUID in lower case and in braces"),
            Self::Flag => f.write_str("\"true\" or \"false\""),
            Self::OneOf(values) => write!(f, "\"{}\"", values.join("\" or \"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn each_shape_accepts_its_own_values() {
        let uuid = "0b6f2a34-91c3-4e0f-8a4b-2f1d7c5e9a10";
        let braced = format!("{{{uuid}}}");
        let upper = uuid.to_ascii_uppercase();
        for (shape, value, fits) in [
            (Shape::Number, "48124571", true),
            (Shape::Number, "", false),
            (Shape::Number, "-1", false),
            (Shape::Number, "acme", false),
            (Shape::Uuid, uuid, true),
            (Shape::Uuid, &upper, false),
            (Shape::Uuid, &braced, false),
            (Shape::BracedUuid, &braced, true),
            (Shape::BracedUuid, uuid, false),
            (Shape::Flag, "true", true),
            (Shape::Flag, "True", false),
            (Shape::OneOf(&["branch", "tag"]), "tag", true),
            (Shape::OneOf(&["branch", "tag"]), "tags", false),
        ] {
            assert_eq!(shape.matches(value), fits, "{shape} {value}");
        }
    }
}
