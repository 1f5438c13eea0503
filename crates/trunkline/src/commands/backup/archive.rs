//! The file of a backup: a tar archive with the database, the files of the data folder, and at its end a manifest with the size and
//! the checksum of each. Without the manifest it is not whole.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256, digest};
use data_encoding::HEXLOWER;
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};

use crate::progress::Progress;

/// What this version writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// The name of the database in the archive.
pub(super) const DATABASE: &str = "database";
/// Below it, the files of the data folder.
const FILES: &str = "files/";
const MANIFEST: &str = "manifest.json";
/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;
/// A manifest is some lines: a longer one is none.
const MANIFEST_BYTES: u64 = 64 << 20;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// The version that wrote it.
    pub(super) trunkline: String,
    /// `SQLite` or `PostgreSQL`.
    pub(super) engine: String,
    /// When, as people write it.
    pub(super) made_at: String,
    pub(super) parts: Vec<Part>,
}

/// One file in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    /// `database`, or `files/` and a path in the data folder.
    name: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(super) fn new(engine: &str, made_at: String) -> Self {
        let trunkline = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, trunkline, engine: engine.to_owned(), made_at, parts: Vec::new() }
    }

    /// Its own checksum: two backups that have the same hold the same.
    pub(super) fn checksum(&self) -> Result<String> {
        let text = serde_json::to_vec(self).map_err(unwritable_manifest)?;
        Ok(HEXLOWER.encode(digest(&SHA256, &text).as_ref()))
    }

    /// Where the files of the data folder belong, relative to it.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| part.name.strip_prefix(FILES).map(Path::new))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

/// Writes an archive, part by part.
pub(super) struct ArchiveWriter<'p> {
    tar: Builder<BufWriter<File>>,
    manifest: Manifest,
    progress: &'p Progress,
    done: u64,
}

impl<'p> ArchiveWriter<'p> {
    pub(super) fn new(file: File, manifest: Manifest, progress: &'p Progress) -> Self {
        Self { tar: Builder::new(BufWriter::new(file)), manifest, progress, done: 0 }
    }

    /// The database, from this file.
    pub(super) fn database(&mut self, from: &Path) -> io::Result<()> {
        self.part(DATABASE.to_owned(), from)
    }

    /// A file of the data folder; `path` is relative to it.
    pub(super) fn file(&mut self, path: &str, from: &Path) -> io::Result<()> {
        self.part(format!("{FILES}{path}"), from)
    }

    fn part(&mut self, name: String, from: &Path) -> io::Result<()> {
        let file = File::open(from)?;
        let bytes = file.metadata()?.len();
        // A file that grows meanwhile is taken as it was; one that shrinks ends the backup.
        let mut counted = Counted::new(file.take(bytes), self.progress, self.done);
        self.tar.append_data(&mut header(bytes), &name, &mut counted)?;
        let (read, sha256) = counted.finish();
        if read != bytes {
            return Err(io::Error::other(format!("{} changed while it was being read", from.display())));
        }
        self.done += bytes;
        self.manifest.parts.push(Part { name, bytes, sha256 });
        Ok(())
    }

    /// Adds the manifest and sees that all of it is on the disk.
    pub(super) fn finish(mut self) -> io::Result<Manifest> {
        let text = serde_json::to_vec_pretty(&self.manifest)?;
        self.tar.append_data(&mut header(text.len().try_into().unwrap_or(u64::MAX)), MANIFEST, &*text)?;
        let mut file = self.tar.into_inner()?;
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(self.manifest)
    }
}

fn header(bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_entry_type(EntryType::Regular);
    header
}

/// Reads a whole archive and compares everything with its manifest.
///
/// # Errors
/// `BadRequest` when it is no backup, is not whole, or was damaged; `Unsupported` when a later version wrote it.
pub(super) fn verify(file: &Path) -> Result<Manifest> {
    let total = file.metadata().map_err(|error| unreadable(file, error))?.len();
    let progress = Progress::of("checking the backup", total);
    let mut found = BTreeMap::new();
    let (mut manifest, mut done) = (None, 0);
    let mut tar = Archive::new(BufReader::new(File::open(file).map_err(|error| unreadable(file, error))?));
    for entry in tar.entries().map_err(|error| broken(file, error))? {
        let mut entry = entry.map_err(|error| broken(file, error))?;
        let name = name(&entry).map_err(|error| broken(file, error))?;
        if name == MANIFEST {
            let mut text = Vec::new();
            (&mut entry).take(MANIFEST_BYTES).read_to_end(&mut text).map_err(|error| broken(file, error))?;
            manifest = Some(text);
            continue;
        }
        let mut counted = Counted::new(entry, &progress, done);
        io::copy(&mut counted, &mut io::sink()).map_err(|error| broken(file, error))?;
        let (bytes, sha256) = counted.finish();
        done += bytes;
        found.insert(name.clone(), Part { name, bytes, sha256 });
    }
    let manifest = read_manifest(file, manifest.as_deref())?;
    let listed: BTreeMap<_, _> = manifest.parts.iter().map(|part| (part.name.clone(), part.clone())).collect();
    if listed != found || !listed.contains_key(DATABASE) {
        let wrong = listed.iter().find(|(name, part)| found.get(*name) != Some(part)).map(|(name, _)| name.clone());
        let wrong = wrong.or_else(|| found.keys().find(|name| !listed.contains_key(*name)).cloned());
        let message = format!(
            "{} is damaged: {} is not what was written; use another backup",
            file.display(),
            wrong.as_deref().unwrap_or(DATABASE)
        );
        return Err(Error::bad_request("backup_damaged", message));
    }
    Ok(manifest)
}

fn read_manifest(file: &Path, text: Option<&[u8]>) -> Result<Manifest> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
        trunkline: String,
    }
    let Some(text) = text else {
        let message = format!("{} is not a whole backup: it ends before its manifest", file.display());
        return Err(Error::bad_request("backup_incomplete", message));
    };
    let versioned: Versioned = serde_json::from_slice(text).map_err(|error| broken(file, error))?;
    if versioned.format > FORMAT {
        let message = format!(
            "{} was written by Trunkline {}: restore it with that version",
            file.display(),
            versioned.trunkline
        );
        return Err(Error::new(kernel::Code::Unsupported, "backup_newer", message));
    }
    serde_json::from_slice(text).map_err(|error| broken(file, error))
}

/// Writes the parts of an archive that was verified: the database to one file, the rest into a folder.
pub(super) fn extract(file: &Path, manifest: &Manifest, database: &Path, folder: &Path) -> Result<()> {
    let progress = Progress::of("restoring", manifest.bytes());
    let mut done = 0;
    let mut tar = Archive::new(BufReader::new(File::open(file).map_err(|error| unreadable(file, error))?));
    for entry in tar.entries().map_err(|error| broken(file, error))? {
        let entry = entry.map_err(|error| broken(file, error))?;
        let name = name(&entry).map_err(|error| broken(file, error))?;
        let target = match name.strip_prefix(FILES) {
            Some(path) => {
                folder.join(relative(path).ok_or_else(|| broken(file, format!("{path} leads out of the folder")))?)
            }
            None if name == DATABASE => database.to_owned(),
            None => continue,
        };
        let mut counted = Counted::new(entry, &progress, done);
        write_whole(&target, &mut counted).map_err(|error| unwritable(&target, error))?;
        let (bytes, sha256) = counted.finish();
        done += bytes;
        // The file may have been changed since it was verified.
        if !manifest.parts.contains(&Part { name, bytes, sha256 }) {
            return Err(Error::bad_request(
                "backup_damaged",
                format!("{} changed while it was being read", file.display()),
            ));
        }
    }
    Ok(())
}

fn write_whole(target: &Path, from: &mut impl Read) -> io::Result<()> {
    target.parent().map_or(Ok(()), store::make_private_folder)?;
    let mut file = super::private_file(target)?;
    io::copy(from, &mut file)?;
    file.sync_all()
}

/// A path that stays below where it is put.
fn relative(path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    path.components().all(|part| matches!(part, Component::Normal(_))).then(|| path.to_owned())
}

fn name<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<String> {
    Ok(entry.path()?.to_string_lossy().into_owned())
}

/// Counts and hashes what is read through it.
struct Counted<'p, R> {
    from: R,
    hash: Context,
    bytes: u64,
    progress: &'p Progress,
    before: u64,
}

impl<'p, R> Counted<'p, R> {
    fn new(from: R, progress: &'p Progress, before: u64) -> Self {
        Self { from, hash: Context::new(&SHA256), bytes: 0, progress, before }
    }

    fn finish(self) -> (u64, String) {
        (self.bytes, HEXLOWER.encode(self.hash.finish().as_ref()))
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(PIECE);
        let read = self.from.read(&mut into[..most])?;
        self.hash.update(&into[..read]);
        self.bytes += u64::try_from(read).unwrap_or(0);
        self.progress.at(self.before + self.bytes);
        Ok(read)
    }
}

fn unreadable(file: &Path, error: io::Error) -> Error {
    Error::not_found("backup_unreadable", format!("{} cannot be read", file.display())).source(error)
}

fn broken(file: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::bad_request("backup_incomplete", format!("{} is no backup, or not a whole one", file.display()))
        .source(error)
}

fn unwritable_manifest(error: serde_json::Error) -> Error {
    Error::internal("manifest", "a manifest cannot be written").source(error)
}

pub(super) fn unwritable(file: &Path, error: io::Error) -> Error {
    Error::config("unwritable", format!("{} cannot be written: choose another place", file.display())).source(error)
}
