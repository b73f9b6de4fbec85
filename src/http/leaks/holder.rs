//! `POST /leaks/holder`: whoever holds tokens may kill them, and them alone. No partnership is needed,
//! and the answer tells nothing.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::body::LooseJson;
use super::super::refusal::Refused;
use super::super::state::Public;

pub(in crate::http) const HOLDER: &str = "/leaks/holder";

/// How many at most.
const MOST: usize = 1_000;

/// As GitHub's `POST /credentials/revoke` has it.
#[derive(Deserialize)]
pub(in crate::http) struct Credentials {
    credentials: Vec<String>,
}

/// 202 whatever they are, so that nobody learns which of them live; what failed on our side is said.
pub(in crate::http) async fn holder(
    State(public): State<Public>,
    LooseJson(Credentials { credentials }): LooseJson<Credentials>,
) -> Result<StatusCode, Refused> {
    if credentials.len() > MOST {
        return Err(Refused::malformed(format!("at most {MOST} credentials at a time"))
            .with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    public.broker.revoke_all(credentials.iter().map(String::as_str), "holder").await?;
    Ok(StatusCode::ACCEPTED)
}
