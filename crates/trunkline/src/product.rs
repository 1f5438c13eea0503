//! A product: the standard features, and what a binary adds to them.

use std::{process::ExitCode, sync::Arc};

use engine::{Catalog, Directory, Handlers, Operations, Registry, Subscriptions, World};
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
    /// Creates the standard product, under this name.
    pub fn new(name: &'static str) -> Self {
        let tables = vec![engine::MIGRATIONS, app::MIGRATIONS];
        Self { name, tables, operations: vec![app::operations], handlers: Vec::new(), directory: None }
    }

    /// Adds tables.
    #[must_use]
    pub fn tables(mut self, tables: MigrationSet) -> Self {
        self.tables.push(tables);
        self
    }

    /// Adds the operations that `register` registers.
    #[must_use]
    pub fn operations(mut self, register: fn(&mut Registry)) -> Self {
        self.operations.push(register);
        self
    }

    /// Adds the jobs, crons and event handlers that `register` registers.
    #[must_use]
    pub fn handlers(mut self, register: fn(&mut Handlers) -> Result<()>) -> Self {
        self.handlers.push(register);
        self
    }

    /// Replaces the directory, which otherwise knows people as members of organizations.
    #[must_use]
    pub fn directory(mut self, directory: Arc<dyn Directory>) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Runs the command of this process.
    pub fn run(self) -> ExitCode {
        crate::main(self)
    }

    pub(crate) fn all_tables(&self) -> &[MigrationSet] {
        &self.tables
    }

    pub(crate) fn register(&self, handlers: &mut Handlers) -> Result<()> {
        self.handlers.iter().try_for_each(|register| register(handlers))
    }

    /// Returns whether people are members of organizations.
    pub(crate) fn has_members(&self) -> bool {
        self.directory.is_none()
    }

    /// Returns the catalog of all operations.
    ///
    /// # Errors
    /// `Config` when two operations have one name or one route.
    pub(crate) fn catalog(&self) -> Result<Catalog> {
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

    /// Opens the operations on this database.
    pub(crate) async fn open(&self, db: &Db, world: &World) -> Result<Operations> {
        let members = || Arc::new(app::users::Members::new(world.clone()));
        let directory = self.directory.clone().unwrap_or_else(|| members());
        let cursors = self.keys(db, world).await?;
        let operations = Operations::new(self.catalog()?, db.clone(), world.clone(), directory, &cursors);
        Ok(operations.audited(Arc::new(app::audit::Log)).announcing(&self.subscriptions()?))
    }

    /// Returns the subscribers of domain events: the same for a server and for every command.
    fn subscriptions(&self) -> Result<Subscriptions> {
        let mut handlers = Handlers::new();
        app::register(&mut handlers, Vec::new(), Vec::new());
        self.register(&mut handlers)?;
        Ok(handlers.subscriptions().clone())
    }
}
