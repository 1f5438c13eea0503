//! Generates what a front end with the Convex clients is written against, from the catalog alone: the operations as a
//! typed `api`, and the types of their arguments and answers.

mod api;
mod model;
mod names;
mod read;
mod shape;
mod text;

use engine::Catalog;
use kernel::{Code, Error, Result};

/// A generated file.
pub struct File {
    /// `api.d.ts`
    pub name: &'static str,
    /// The content.
    pub text: String,
}

/// Generates the files `api.js`, `api.d.ts` and `dataModel.d.ts`. Their heads name `command`, which generates them.
///
/// # Errors
/// `Unsupported` when a schema has no equivalent among these types.
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

/// The error for a schema without an equivalent type.
fn inexpressible(name: &str, what: &str) -> Error {
    let message = format!("TypeScript has no type for the schema of {name}: it cannot say {what}");
    Error::new(Code::Unsupported, "schema_inexpressible", message)
}
