//! The files of the repository that people write.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// One file: its path from the root, with forward slashes, and its text.
pub(super) struct File {
    pub(super) path: String,
    /// Empty for what is not text.
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

    /// The path's last part.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path without its last part and the slash before it.
    pub(super) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Folders that hold what machines write, wherever they are.
const FOREIGN: [&str; 4] = ["target", "node_modules", "dist", ".git"];

/// Where a server started here keeps its data.
const DATA: &str = "data";

/// Reads all files below `root`, in the order of their paths.
pub(super) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    visit(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether `path` is a file, or a folder that holds one.
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
