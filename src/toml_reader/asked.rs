//! What readers ask documents for, and as what: the types and bounds of the reference, and the proof
//! that every key is in it. There is nothing of this outside of unit tests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

thread_local! {
    static ASKED: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes a key. What says most counts: a duration is also read as the string that it is.
pub(super) fn note(path: String, form: &str) {
    ASKED.with_borrow_mut(|asked| {
        let known = asked.entry(path).or_default();
        if known.is_empty() || (known == "string" && !form.is_empty()) {
            form.clone_into(known);
        }
    });
}

/// Everything that was asked for in this thread since the last time, by its path.
pub(crate) fn take() -> BTreeMap<String, String> {
    ASKED.take()
}

/// `least to most`, for people.
pub(super) fn durations(bounds: &Range<u64>) -> String {
    format!("duration, {} to {}", duration(bounds.start), duration(bounds.end - 1))
}

fn duration(millis: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}
