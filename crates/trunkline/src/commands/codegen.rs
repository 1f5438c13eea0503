//! `openapi` and `codegen`: files for clients, generated from the operations of this product.

use std::{fs, path::Path};

use kernel::{Error, Result};

use crate::{Product, output};

/// Prints the OpenAPI document, or writes it to a file.
pub(crate) fn openapi(product: &Product, out: Option<&Path>) -> Result<()> {
    let document = format!("{:#}", server::openapi(&product.catalog()?));
    match out {
        Some(file) => write(file, &format!("{document}\n")),
        None => {
            output::say(document);
            Ok(())
        }
    }
}

/// Writes the operations and documents as TypeScript types.
pub(crate) fn typescript(product: &Product, out: &Path) -> Result<()> {
    let command = format!("{} codegen typescript", product.name);
    let files = server::typescript(&product.catalog()?, &command)?;
    fs::create_dir_all(out).map_err(|error| unwritable(out, error))?;
    for file in files {
        let path = out.join(file.name);
        write(&path, &file.text)?;
        output::say(path.display());
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let message = format!("cannot write {}: choose another place with --out", path.display());
    Error::config("out_unwritable", message).source(error)
}
