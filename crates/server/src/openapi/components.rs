//! The components that all operations share: schemas, headers, problems, security schemes.

use axum::http::StatusCode;
use kernel::Code;
use serde_json::{Map, Value, json};

use crate::problem::{CODES, status};

pub(super) fn all(definitions: &Map<String, Value>) -> Value {
    let mut schemas = definitions.clone();
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "schemas": schemas,
        "parameters": parameters(),
        "headers": headers(),
        "responses": problems(),
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A token of one of the configured issuers.",
            },
            "apiKey": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "sk_…",
                "description": "A key of the organization.",
            },
        },
    })
}

/// Returns a reference to a shared parameter.
pub(super) fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// Returns a reference to a shared header.
pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Returns a reference to the problem of a status.
pub(super) fn problem(status: StatusCode) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(status)) })
}

fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("Problem").replace(' ', "")
}

fn parameters() -> Value {
    let header = |name: &str, schema: Value, words: &str| json!({ "name": name, "in": "header", "required": false, "description": words, "schema": schema });
    json!({
        "IdempotencyKey": header(
            "Idempotency-Key",
            json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
            "Sent again with the same body within 24 hours, the same answer comes again and nothing is done twice; with \
             another body it is refused.",
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            json!({ "type": "string" }),
            "The `ETag` of an answer that the caller has already.",
        ),
        "XOrganization": header(
            "X-Organization",
            json!({ "type": "string" }),
            "The organization to act in, for callers who belong to several: its id or external id.",
        ),
    })
}

fn headers() -> Value {
    let header = |words: &str, kind: &str| json!({ "description": words, "schema": { "type": kind } });
    json!({
        "ETag": header("Names this answer: send it back as `If-None-Match`.", "string"),
        "RateLimit": header("The calls that are left of each limit (`r`), and the seconds until all are available again (`t`).", "string"),
        "RateLimit-Policy": header("The limits: so many calls (`q`) in so many seconds (`w`).", "string"),
        "Retry-After": header("After how many seconds the call may be tried again.", "integer"),
        "WWW-Authenticate": header("The ways to authenticate.", "string"),
        "X-Request-Id": header("Names the request in the logs.", "string"),
    })
}

/// Returns one response for each status that a problem can have.
fn problems() -> Value {
    let mut statuses: Vec<_> = CODES.into_iter().map(status).collect();
    statuses.extend([
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ]);
    let responses = statuses.into_iter().map(|status| {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let mut headers = json!({ "X-Request-Id": header("X-Request-Id") });
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            headers["Retry-After"] = header("Retry-After");
        }
        if status == StatusCode::UNAUTHORIZED {
            headers["WWW-Authenticate"] = header("WWW-Authenticate");
        }
        let response = json!({
            "description": meaning(status),
            "headers": headers,
            "content": { "application/problem+json": { "schema": schema } },
        });
        (name(status), response)
    });
    Value::Object(responses.collect())
}

fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be parsed.",
        StatusCode::UNAUTHORIZED => "The caller is not authenticated.",
        StatusCode::PAYMENT_REQUIRED => "The plan's limit is reached.",
        StatusCode::FORBIDDEN => "The caller may not do this.",
        StatusCode::NOT_FOUND => "The object does not exist, or it belongs to another organization.",
        StatusCode::REQUEST_TIMEOUT => "The body did not arrive in time.",
        StatusCode::CONFLICT => "The current state does not allow it.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is not JSON.",
        StatusCode::UNPROCESSABLE_ENTITY => {
            "The arguments are invalid, or the `Idempotency-Key` was used with other arguments."
        }
        StatusCode::TOO_MANY_REQUESTS => "Too many calls in a short time.",
        StatusCode::NOT_IMPLEMENTED => "This installation does not support it.",
        StatusCode::BAD_GATEWAY => "An external service failed.",
        StatusCode::SERVICE_UNAVAILABLE => "A required service is not available, or not configured.",
        _ => "An internal error.",
    }
}

fn problem_schema() -> Value {
    let codes: Vec<_> = CODES.into_iter().map(Code::as_str).collect();
    json!({
        "description": "What went wrong: problem details (RFC 9457).",
        "type": "object",
        "properties": {
            "type": { "type": "string", "description": "Names the kind of the problem." },
            "title": { "type": "string", "description": "The status in words." },
            "status": { "type": "integer", "description": "The status." },
            "code": { "type": "string", "enum": codes, "description": "The kind of the error." },
            "tag": { "type": "string", "description": "A stable name for programs." },
            "detail": { "type": "string", "description": "One sentence for the person who can act." },
            "requestId": { "type": "string", "description": "Names the request in the logs." },
            "data": { "description": "The error data that a product's own operation returned." },
        },
        "required": ["type", "title", "status", "code", "tag", "detail", "requestId"],
    })
}
