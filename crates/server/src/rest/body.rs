//! The JSON body of a call: an object, or empty.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
};
use kernel::Error;
use serde_json::{Map, Value};

use crate::{Options, problem::Problem, request::read_body};

/// The greatest depth of nested arrays and objects.
const DEPTH: usize = 64;

/// Reads the body.
///
/// # Errors
/// 413 and 408 when it is too large or too slow, 415 when it is not JSON, 400 when it is not well-formed, 422 when it is
/// not an object.
pub(super) async fn read(options: &Options, headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Problem> {
    let bytes = read_body(options, options.json_limit, headers, body).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        let error = Error::bad_request("content_type", "the body is JSON: send `Content-Type: application/json`");
        return Err(Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    if depth(&bytes) > DEPTH {
        let message = format!("the body has more than {DEPTH} levels of arrays and objects");
        return Err(Error::bad_request("json_too_deep", message).into());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => {
            let error = Error::bad_request("arguments_invalid", "the body is an object with the arguments");
            Err(Problem::with_status(StatusCode::UNPROCESSABLE_ENTITY, error))
        }
        Err(error) => {
            let message = format!("the body is not JSON at line {}, column {}", error.line(), error.column());
            Err(Error::bad_request("json_malformed", message).into())
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Returns the depth of nested arrays and objects, before anything is built from them.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut depth, mut in_text, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_what_is_open_and_nothing_in_texts() {
        for (json, deep) in [("1", 0), ("[]", 1), ("[[],[{}]]", 3), (r#"["[[[", "\"[", "\\"]"#, 1), ("]]][", 1)] {
            assert_eq!(depth(json.as_bytes()), deep, "{json}");
        }
    }
}
