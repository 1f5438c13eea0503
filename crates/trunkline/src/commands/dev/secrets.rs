//! Secrets that `dev` generates, and stores so that they are the same the next time.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use engine::World;
use kernel::Result;
use provider::settings::Variables;

use super::unwritable;

/// The variables that are generated when they are not set, with the prefix of each secret.
const VENDORS: [(&str, &str); 5] = [
    ("WHATSAPP_APP_SECRET", ""),
    ("KAPSO_WEBHOOK_SECRET", ""),
    ("STRIPE_WEBHOOK_SECRET", "whsec_"),
    ("POLAR_WEBHOOK_SECRET", "polar_whs_"),
    ("LEMON_SQUEEZY_WEBHOOK_SECRET", ""),
];
/// The API key of the demo organization, under the variable that commands read.
const API_KEY: &str = "TRUNKLINE_API_KEY";

/// The secrets of a data folder.
pub(super) struct Secrets {
    file: PathBuf,
    kept: BTreeMap<String, String>,
}

impl Secrets {
    /// Reads the stored secrets; a new folder has none.
    pub(super) fn read(folder: &Path) -> Self {
        let file = folder.join("dev-secrets.env");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self { kept: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), file }
    }

    /// Returns the path of the file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the variables, with a secret for each vendor of the demo that has none.
    ///
    /// # Errors
    /// `Config` when the folder is not writable.
    pub(super) fn complete(&mut self, variables: &Variables, world: &World) -> Result<Variables> {
        let set = variables.names().filter_map(|name| Some((name.to_owned(), variables.get(name)?.to_owned())));
        let mut all: Vec<_> = set.collect();
        for (name, prefix) in VENDORS {
            let made = || format!("{prefix}{:016x}{:016x}", world.number(), world.number());
            let secret = self.kept.entry(name.to_owned()).or_insert_with(made);
            if variables.get(name).is_none() {
                all.push((name.to_owned(), secret.clone()));
            }
        }
        self.write()?;
        Ok(all.into_iter().collect())
    }

    /// Returns the demo organization's API key, once it has one.
    pub(super) fn api_key(&self) -> Option<&str> {
        self.kept.get(API_KEY).map(String::as_str)
    }

    /// Stores a new API key.
    ///
    /// # Errors
    /// `Config` when the folder is not writable.
    pub(super) fn keep_api_key(&mut self, key: &str) -> Result<()> {
        self.kept.insert(API_KEY.to_owned(), key.to_owned());
        self.write()
    }

    fn write(&self) -> Result<()> {
        let lines: String = self.kept.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        opened.and_then(|mut file| file.write_all(lines.as_bytes())).map_err(|error| unwritable(&self.file, error))
    }
}
