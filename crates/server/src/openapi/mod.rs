//! The description of the REST surface, OpenAPI 3.1, from the catalog alone.

mod components;
mod operation;
mod schema;

use std::collections::BTreeMap;

use engine::Catalog;
use serde_json::{Map, Value, json};

pub(crate) use operation::for_whom;

use crate::rest::by_path;

/// Builds the document.
pub fn openapi(catalog: &Catalog) -> Value {
    let paths = by_path(catalog);
    let operations = paths.values().flat_map(BTreeMap::values);
    let mut tags: Vec<_> = operations.map(|description| operation::tag(description)).collect();
    tags.sort_unstable();
    tags.dedup();
    let paths: Map<String, Value> = paths
        .into_iter()
        .map(|(path, methods)| {
            let methods = methods.into_iter().map(|(method, description)| {
                (method.to_ascii_lowercase(), operation::describe(description, catalog.definitions()))
            });
            (path.to_owned(), Value::Object(methods.collect()))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This installation" }],
        "tags": tags.into_iter().map(|name| tag(catalog, name)).collect::<Vec<_>>(),
        "paths": paths,
        "components": components::all(catalog.definitions()),
    })
}

fn tag(catalog: &Catalog, name: &str) -> Value {
    match catalog.about(name) {
        Some(about) => json!({ "name": name, "description": about }),
        None => json!({ "name": name }),
    }
}

const ABOUT: &str = "\
Every operation is served here, over the live-query socket and on the command line, with the same arguments and answers.

Send a JWT or an API key as `Authorization: Bearer …`. A person who belongs to several organizations names one in \
`X-Organization`. Times are milliseconds since 1970. Errors are problem details (RFC 9457) with a stable `code` and `tag`. \
Arguments that do not exist are refused.

Lists come in pages: ask again with `cursor` set to the `continueCursor` of the answer, until `isDone`. A POST, PATCH or \
DELETE with an `Idempotency-Key` is done once within 24 hours, however often it is sent. A GET with `If-None-Match` is \
answered 304 when nothing changed.";
