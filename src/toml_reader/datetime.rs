//! Dates and times of documents, as instants.

use std::time::UNIX_EPOCH;

const BEFORE: &str = "it is before 1970";

/// Seconds since the Unix epoch of a TOML date or time, as its parser writes it. A date is its first
/// moment in UTC; a time needs its offset, and its fraction of a second is cut off.
pub(super) fn seconds(datetime: &str) -> Result<u64, &'static str> {
    let (date, time) = datetime.split_once('T').unwrap_or((datetime, "00:00:00Z"));
    if !date.contains('-') {
        return Err("it has no date");
    }
    let (time, minutes) = match time.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => time
            .rfind(['+', '-'])
            .and_then(|sign| Some((&time[..sign], minutes(&time[sign..])?)))
            .ok_or("it has no offset; write 2027-01-01T00:00:00Z")?,
    };
    let utc = humantime::parse_rfc3339(&format!("{date}T{time}Z"))
        .map_err(|_| "there is no such time since 1970")?;
    let since = utc.duration_since(UNIX_EPOCH).map_err(|_| BEFORE)?;
    since.as_secs().checked_add_signed(-60 * minutes).ok_or(BEFORE)
}

/// The minutes of an offset such as `+01:30`.
fn minutes(offset: &str) -> Option<i64> {
    let (hours, minutes) = offset[1..].split_once(':')?;
    let east = 60 * hours.parse::<i64>().ok()? + minutes.parse::<i64>().ok()?;
    Some(if offset.starts_with('-') { -east } else { east })
}

#[cfg(test)]
mod tests {
    use crate::toml_reader::datetime::*;

    #[test]
    fn dates_are_utc_midnights_and_times_have_offsets() {
        let offset_missing = Err("it has no offset; write 2027-01-01T00:00:00Z");
        for (text, expected) in [
            ("1970-01-01", Ok(0)),
            ("2027-01-01", Ok(1_798_761_600)),
            ("2027-01-01T00:00:00Z", Ok(1_798_761_600)),
            ("2027-01-01T01:30:00.999+01:30", Ok(1_798_761_600)),
            ("2026-12-31T16:00:00-08:00", Ok(1_798_761_600)),
            ("2027-01-01T00:00:00", offset_missing),
            ("00:00:00", Err("it has no date")),
            ("1969-12-31", Err("there is no such time since 1970")),
            ("1970-01-01T00:00:00+01:00", Err(BEFORE)),
            ("2027-02-30", Err("there is no such time since 1970")),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
