//! The source files of the repository.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// A file: its path from the root, with forward slashes, and its text.
pub(super) struct File {
    pub(super) path: String,
    /// Empty for binary files.
    pub(super) text: String,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, own)| own == extension)
    }

    /// Returns the last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the path without its last part.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Folders with generated files, at any level.
const FOREIGN: [&str; 4] = ["target", "node_modules", "dist", ".git"];

/// The data folder of a server that is started here.
const DATA: &str = "data";

/// Reads all files below `root`, sorted by path.
pub(super) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    visit(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Returns whether `path` is a file, or a folder that contains one.
pub(super) fn exists(files: &[File], path: &str) -> bool {
    let inside = format!("{path}/");
    path.is_empty() || files.iter().any(|file| file.path == path || file.path.starts_with(&inside))
}

fn visit(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !FOREIGN.contains(&name.as_str()) && path != DATA {
                visit(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file() {
            let text = String::from_utf8(fs::read(entry.path())?).unwrap_or_default();
            files.push(File { path, text });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_exists_when_it_holds_a_file() {
        let files = [File::new("docs/decisions/0001-one.md", "")];
        assert!(exists(&files, "docs/decisions") && exists(&files, "docs") && !exists(&files, "doc"));
    }
}
