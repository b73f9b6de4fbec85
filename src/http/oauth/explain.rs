//! `POST /explain`: what an ID token would get, and why not. Takes what `/oauth/token` takes.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};

use super::super::state::Public;
use super::asked::{registry, wanted};
use crate::http::request::body::Form;
use crate::http::request::target;
use crate::http::response::error_response::ErrorResponse;
use crate::policy::tools::explain::CallersView;

pub(in crate::http) async fn explain(
    State(public): State<Public>,
    request: Request,
) -> Result<Json<CallersView>, ErrorResponse> {
    let (parts, body) = request.into_parts();
    let by_host = target::by_host(public.broker.registries(), &parts);
    let form = Form::from_request(Request::from_parts(parts, body), &public).await?;
    let id_token = form.required("subject_token")?;
    let registry = registry(&form, by_host, public.broker.registries())?;
    let (wanted, _) = wanted(&form, &registry)?;
    Ok(Json(public.broker.explain(id_token, &registry, wanted.as_ref()).await?))
}
