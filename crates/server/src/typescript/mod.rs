//! What a front end with the Convex clients is written against: the operations as a typed `api`, and the types of what they
//! take and answer, from the catalog alone.

mod api;
mod model;
mod names;
mod read;
mod shape;
mod text;

use engine::Catalog;
use kernel::{Code, Error, Result};

/// A file that was made.
pub struct File {
    /// `api.d.ts`
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

/// The files `api.js`, `api.d.ts` and `dataModel.d.ts`. `command` is the one that makes them, for those who look at them.
///
/// # Errors
/// `Unsupported` when a schema says what these types cannot say.
pub fn typescript(catalog: &Catalog, command: &str) -> Result<[File; 3]> {
    let calls = api::calls(catalog)?;
    let model = model::Model::of(catalog.definitions(), &calls)?;
    let head = format!("// Made by `{command}`: do not edit.\n");
    Ok([
        File { name: "api.js", text: format!("{head}{}", api::script()) },
        File { name: "api.d.ts", text: format!("{head}{}", api::declaration(&calls)?) },
        File { name: "dataModel.d.ts", text: format!("{head}{}", model.declaration()) },
    ])
}

/// What no type says.
fn inexpressible(name: &str, what: &str) -> Error {
    let message = format!("TypeScript has no type for the schema of {name}: it cannot say {what}");
    Error::new(Code::Unsupported, "schema_inexpressible", message)
}
