//! Crons for external schedulers: `/api/cron/{name}` with `Authorization: Bearer $CRON_SECRET`.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, header},
    response::IntoResponse,
    routing::get,
};
use kernel::{Code, Error, Result, Secret};
use serde_json::json;

use crate::{Server, problem::Problem, request::wrong_method, webhooks::json_answer};

pub(crate) fn routes() -> Router<Server> {
    // Schedulers of hosting platforms send GET, others POST.
    Router::new().route("/api/cron/{name}", get(fire).post(fire).fallback(wrong_method))
}

async fn fire(State(server): State<Server>, Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    if let Err(error) = authorize(server.options.cron_secret.as_ref(), &headers) {
        return Problem::from(error).into_response();
    }
    match server.installation.fire(&name).await {
        Ok(()) => json_answer(&json!({ "status": "accepted", "cron": name })),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn authorize(secret: Option<&Secret>, headers: &HeaderMap) -> Result<()> {
    let Some(secret) = secret else {
        return Err(Error::config("cron_closed", "CRON_SECRET is not set: set it to let an outside scheduler in"));
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let matches = shown
        .is_some_and(|shown| secret.rotation().any(|secret| verify_slices_are_equal(shown, secret.as_bytes()).is_ok()));
    if matches {
        return Ok(());
    }
    Err(Error::new(Code::Unauthenticated, "cron_secret", "Authorization does not carry the value of CRON_SECRET"))
}
