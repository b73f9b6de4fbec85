//! Requests as bytes, and where an answer ends.

use super::Outcome;

/// The bytes of an exchange (RFC 8693).
pub(crate) fn exchange_request(id_token: &str) -> Vec<u8> {
    post(
        "/oauth/token",
        "",
        &format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
             &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token\
             &audience=pypi&subject_token={id_token}"
        ),
    )
}

/// The bytes of a POST of a form; header lines come with their line ends.
pub(crate) fn post(path: &str, headers: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: publish.example.com\r\nAccept: application/json\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// Where the body begins, once all of it is there.
pub(crate) fn body_of_whole(answer: &[u8]) -> Outcome<Option<usize>> {
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let length = std::str::from_utf8(&answer[..head])?
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("an answer has no length")?
        .1
        .parse::<usize>()?;
    let body_at = head + 4;
    Ok((answer.len() >= body_at + length).then_some(body_at))
}
