//! Operations that answer with parts of a file: the command reads all parts and writes the file.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Arg;
use data_encoding::BASE64;
use engine::{Catalog, Description};
use kernel::{Error, Result};
use serde_json::{Value, json};

use super::{
    Call, Target,
    flags::{self, CURSOR, LIMIT, PAGE},
};
use crate::{output, progress::Progress};

/// The flag for the path of the file.
pub(super) const OUT: &str = "out";
/// The number of rows of a part.
const ROWS: u32 = 1000;

/// Returns whether an operation answers with parts of a file: a text, and the cursor of the next part.
pub(super) fn is_part(description: &Description, catalog: &Catalog) -> bool {
    let reference = description.output["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let schema = reference.and_then(|name| catalog.definitions().get(name)).unwrap_or(&description.output);
    let has = |field: &str| schema["properties"].get(field).is_some();
    ["text", "isDone", "continueCursor"].into_iter().all(has) && description.arguments["properties"].get(PAGE).is_some()
}

/// Returns the flags of such an operation.
pub(super) fn flags(description: &Description) -> Vec<Arg> {
    let own = flags::of(description).into_iter().filter(|flag| ![LIMIT, CURSOR].contains(&flag.get_id().as_str()));
    let out = Arg::new(OUT).long(OUT).value_name("FILE").help("Write it to this file [default: standard output]");
    own.chain([out]).collect()
}

/// Reads all parts and concatenates them.
pub(super) async fn run(target: &Target, call: &Call, out: Option<&Path>, json: bool) -> Result<()> {
    let mut sink = match (out, json) {
        (Some(path), _) => Sink::file(path)?,
        (None, true) => Sink::Lines,
        (None, false) => Sink::Output,
    };
    let (progress, mut arguments, mut bytes) = (Progress::unknown("reading"), call.arguments.clone(), 0);
    arguments[PAGE] = json!({ "numItems": ROWS, "cursor": null });
    loop {
        let part = target.call(call.operation, arguments.clone()).await?;
        let content = content(&part)?;
        bytes += content.len();
        sink.write(&part, &content)?;
        progress.say(format!("{} KB", bytes / 1000));
        if part["isDone"] != false {
            break;
        }
        arguments[PAGE]["cursor"] = part["continueCursor"].clone();
    }
    drop(progress);
    sink.finish(json, bytes)
}

/// What a part says, or the bytes that it says in base64.
fn content(part: &Value) -> Result<Vec<u8>> {
    let text = part["text"].as_str().unwrap_or_default();
    if part["encoding"] != "base64" {
        return Ok(text.as_bytes().to_vec());
    }
    BASE64.decode(text.as_bytes()).map_err(|error| {
        Error::internal("part_unreadable", "a part of the file is not the base64 that it says it is").source(error)
    })
}

/// Where the parts go.
enum Sink {
    /// A file, which gets its name when it is complete.
    File { file: File, path: PathBuf, until_whole: PathBuf },
    /// Standard output.
    Output,
    /// Standard output, with each part as a line of JSON.
    Lines,
}

impl Sink {
    fn file(path: &Path) -> Result<Self> {
        let mut until_whole = path.as_os_str().to_owned();
        until_whole.push(".part");
        let until_whole = PathBuf::from(until_whole);
        let file = File::create(&until_whole).map_err(|error| unwritable(path, error))?;
        Ok(Self::File { file, path: path.to_owned(), until_whole })
    }

    fn write(&mut self, part: &Value, content: &[u8]) -> Result<()> {
        match self {
            Self::File { file, path, .. } => file.write_all(content).map_err(|error| unwritable(path, error)),
            Self::Output => {
                output::write(content);
                Ok(())
            }
            Self::Lines => {
                output::say(part);
                Ok(())
            }
        }
    }

    fn finish(self, json: bool, bytes: usize) -> Result<()> {
        let Self::File { file, path, until_whole } = self else { return Ok(()) };
        let done = file.sync_all().and_then(|()| fs::rename(&until_whole, &path));
        done.map_err(|error| unwritable(&path, error))?;
        output::say(if json {
            json!({ "file": path.display().to_string(), "bytes": bytes }).to_string()
        } else {
            format!("wrote {}", path.display())
        });
        Ok(())
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::bad_request("file_unwritable", format!("{} cannot be written: choose another file", path.display()))
        .source(error)
}
