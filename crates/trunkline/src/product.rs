//! What a server is made of: the standard features, and what a product adds.

use std::{process::ExitCode, sync::Arc};

use engine::{Catalog, Directory, Handlers, Operations, Registry, World};
use kernel::Result;
use store::{Db, MigrationSet};

/// A product: a name for its command, and what it adds to the standard server.
#[derive(Clone)]
pub struct Product {
    pub(crate) name: &'static str,
    tables: Vec<MigrationSet>,
    operations: Vec<fn(&mut Registry)>,
    handlers: Vec<fn(&mut Handlers) -> Result<()>>,
    directory: Option<Arc<dyn Directory>>,
}

impl Product {
    /// The standard server, under this name.
    pub fn new(name: &'static str) -> Self {
        let tables = vec![engine::MIGRATIONS, app::MIGRATIONS];
        Self { name, tables, operations: vec![app::operations], handlers: Vec::new(), directory: None }
    }

    /// With these tables too.
    #[must_use]
    pub fn tables(mut self, tables: MigrationSet) -> Self {
        self.tables.push(tables);
        self
    }

    /// With the operations that `register` adds.
    #[must_use]
    pub fn operations(mut self, register: fn(&mut Registry)) -> Self {
        self.operations.push(register);
        self
    }

    /// With the jobs, crons and event handlers that `register` adds.
    #[must_use]
    pub fn handlers(mut self, register: fn(&mut Handlers) -> Result<()>) -> Self {
        self.handlers.push(register);
        self
    }

    /// With another idea of who people are: instead of members of organizations, as this directory says.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Runs the command that the process was started with.
    pub fn run(self) -> ExitCode {
        crate::main(self)
    }

    pub(crate) fn all_tables(&self) -> &[MigrationSet] {
        &self.tables
    }

    pub(crate) fn register(&self, handlers: &mut Handlers) -> Result<()> {
        self.handlers.iter().try_for_each(|register| register(handlers))
    }

    /// Whether people are members of organizations.
    pub(crate) fn has_members(&self) -> bool {
        self.directory.is_none()
    }

    /// Everything that can be called.
    pub(crate) fn catalog(&self) -> Catalog {
        let mut registry = Registry::new();
        for register in &self.operations {
            register(&mut registry);
        }
        registry.freeze()
    }

    /// The key that cursors are sealed with, made when it is missing.
    pub(crate) async fn keys(&self, db: &Db, world: &World) -> Result<Vec<u8>> {
        engine::installation_key(db, world, "cursors").await
    }

    /// Its operations on this database.
    pub(crate) async fn open(&self, db: &Db, world: &World) -> Result<Operations> {
        let members = || Arc::new(app::users::Members::new(world.clone()));
        let directory = self.directory.clone().unwrap_or_else(|| members());
        let cursors = self.keys(db, world).await?;
        let operations = Operations::new(self.catalog(), db.clone(), world.clone(), directory, &cursors);
        Ok(operations.audited(Arc::new(app::audit::Log)))
    }
}
