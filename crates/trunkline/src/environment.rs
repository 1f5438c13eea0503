//! The one place that reads the environment.

use std::path::{Path, PathBuf};

use kernel::{Error, Result, Secret};
use provider::settings::{self, Variables};

use crate::{Product, cli::Global, settings::Settings};

/// The configuration of the process.
pub(crate) struct Environment {
    /// The variables of the vendors.
    pub(crate) variables: Variables,
    /// The installation's own settings, with the flags applied.
    pub(crate) settings: Settings,
    /// The product that this process serves.
    pub(crate) product: Product,
}

impl Environment {
    /// Reads the environment, in `dev` also `.env.local` and `.env`, then applies the flags.
    pub(crate) fn read(global: &Global, is_dev: bool, product: Product) -> Result<Self> {
        if is_dev {
            read_files(Path::new("."))?;
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        let variables: Variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::new(global, variables, product)
    }

    /// Combines variables and flags into settings.
    pub(crate) fn new(global: &Global, variables: Variables, product: Product) -> Result<Self> {
        let mut settings: Settings = settings::require(&variables)?;
        if let Some(data) = &global.data {
            settings.trunkline_data = data.to_string_lossy().into_owned();
        }
        if let Some(url) = &global.database_url {
            settings.database_url = Some(Secret::new(url));
        }
        if let Some(listen) = &global.listen {
            settings.trunkline_listen.clone_from(listen);
        }
        settings.check()?;
        Ok(Self { variables, settings, product })
    }

    /// Returns the data folder.
    pub(crate) fn data(&self) -> PathBuf {
        PathBuf::from(&self.settings.trunkline_data)
    }

    /// Returns the address of the database.
    pub(crate) fn database_url(&self) -> String {
        match &self.settings.database_url {
            Some(url) => url.expose().to_owned(),
            None => format!("sqlite:{}", self.data().join("trunkline.db").display()),
        }
    }
}

/// Reads `.env.local`, then `.env`: the first value of a variable counts, and the environment takes precedence over
/// both.
fn read_files(folder: &Path) -> Result<()> {
    for name in [".env.local", ".env"] {
        match dotenvy::from_path(folder.join(name)) {
            Ok(()) => {}
            Err(error) if error.not_found() => {}
            // The parser's error quotes the line, which may contain a secret.
            Err(_) => return Err(Error::config("env_file", format!("{name} cannot be read: write NAME=value lines"))),
        }
    }
    Ok(())
}
