//! "Did you mean …?"

/// The candidate nearest to `word`, if it is near enough to be a slip of the pen.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use crate::toml_reader::suggest::closest;

    #[test]
    fn suggests_near_names_only() {
        let keys = ["packages", "actions", "issuer", "registry"];
        assert_eq!(closest("pakages", keys), Some("packages"));
        assert_eq!(closest("isuer", keys), Some("issuer"));
        assert_eq!(closest("colour", keys), None);
        assert_eq!(closest("", keys), None);
    }
}
