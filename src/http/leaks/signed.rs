//! Reports by GitHub's partner protocol and its likenesses.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::super::state::Public;
use crate::broker::Reported;
use crate::denial::{Denial, Reason};
use crate::headers::{single_header, unauthenticated};
use crate::hex;
use crate::http::leaks::submit::{SubmitResult, count, submit_report};
use crate::http::response::error_response::ErrorResponse;
use crate::reporters::{Leaks, PublicKeys, Reporter, Signatures};

/// What a reporter reads.
#[derive(Clone, Copy)]
pub(super) enum ResponseFormat {
    /// What each of the tokens was, as GitHub's feedback; 204 for who does not read that.
    Labels,
    /// 204.
    Nothing,
}

/// A token of the report, by its hash: the token itself is repeated to no one.
#[derive(Serialize)]
struct Labelled<'l> {
    token_hash: String,
    token_type: &'l str,
    label: &'static str,
}

/// The addresses of public registries, where the headers tell who reports.
pub(super) async fn by_headers(
    State(public): State<Public>,
    request: Request,
    answer: ResponseFormat,
) -> Result<Response, ErrorResponse> {
    let headers = request.headers();
    let reporter = public.broker.reporters().by_headers(|header| headers.contains_key(header));
    let reporter = Arc::clone(reporter.ok_or_else(unsigned)?);
    let signatures = reporter.signatures().ok_or_else(unsigned)?;
    report(&public, &reporter, signatures, request, answer).await
}

/// A report that is signed, by this reporter if the signature fits.
pub(super) async fn report(
    public: &Public,
    reporter: &Arc<Reporter>,
    signatures: &Signatures,
    request: Request,
    answer: ResponseFormat,
) -> Result<Response, ErrorResponse> {
    let outcome = verify_and_submit(public, reporter, signatures, request).await;
    count(public, reporter, &outcome);
    let (leaks, reported) = outcome?;
    Ok(match answer {
        ResponseFormat::Labels if reporter.kind.reads_labels() => {
            Json(labels(&leaks, &reported)).into_response()
        }
        ResponseFormat::Labels | ResponseFormat::Nothing => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Verifies the signature before anything is parsed. The key is looked up before the body is read.
async fn verify_and_submit(
    public: &Public,
    reporter: &Reporter,
    signatures: &Signatures,
    request: Request,
) -> SubmitResult {
    let (parts, body) = request.into_parts();
    let key_id = header(&parts.headers, &signatures.key_id_header)?;
    let signature = header(&parts.headers, &signatures.signature_header)?;
    let signature = STANDARD
        .decode(signature)
        .map_err(|_| Denial::new(Reason::BadSignature, "the signature is not base64"))?;
    let keys = keys(signatures, key_id).await?;
    let report = public.report_reader.read(&parts, body).await?;
    if !keys.verify(key_id, &report.body, &signature) {
        return Err(Denial::new(Reason::BadSignature, "the signature does not match the body").into());
    }
    submit_report(public, reporter, &report).await
}

async fn keys(signatures: &Signatures, key_id: &str) -> Result<Arc<PublicKeys>, Denial> {
    let found = signatures.keyring.find(|keys| keys.contains(key_id)).await;
    found.map_err(|missing| missing.into_denial("reporter"))
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, ErrorResponse> {
    single_header(headers, name.as_str()).ok_or_else(unsigned)
}

fn unsigned() -> ErrorResponse {
    unauthenticated("a report has the headers of one reporter with a key's id and a signature, each once")
        .into()
}

fn labels<'l>(leaks: &'l Leaks, reported: &[Reported]) -> Vec<Labelled<'l>> {
    let label = |reported: &Reported| if reported.is_token() { "true_positive" } else { "false_positive" };
    leaks
        .leaks
        .iter()
        .zip(reported)
        .map(|(leak, reported)| Labelled {
            token_hash: hex::encode(digest(&SHA256, leak.token.as_bytes()).as_ref()),
            token_type: &leak.kind,
            label: label(reported),
        })
        .collect()
}
