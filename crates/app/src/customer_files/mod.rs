//! Customers as files: exported as CSV, and imported from CSV with a preview.
//!
//! An import is a row with a mark of how far it has come. A job works through the file in slices. Each slice is one
//! transaction that also moves the mark, so that an interruption loses nothing and repeats nothing.

mod jobs;
mod model;
mod mutations;
mod queries;
mod sheet;
mod store;
mod table;

use engine::{Children, Handlers, Keep, OldTenantRows, Owned, Registry, Sweep};

pub use jobs::ImportRun;
pub use model::{CustomerImport, ImportId, ImportStatus, RowError};
pub use mutations::{CancelImport, ImportCustomers, ResumeImport};
pub use queries::{
    ExportCustomers, GetImportStatus, PageImportErrors, PageImports, Preview, PreviewImport, PreviewedRow, RoomFor,
};
pub use sheet::{Duplicates, Reading};

/// Registers the operations of this feature, which are operations on customers.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .query::<ExportCustomers>()
        .query::<PreviewImport>()
        .query::<GetImportStatus>()
        .query::<PageImports>()
        .query::<PageImportErrors>()
        .mutation::<ImportCustomers>()
        .mutation::<CancelImport>()
        .mutation::<ResumeImport>();
}

/// Registers the jobs of this feature, and the sweep that deletes ended imports with their row errors.
pub(crate) fn handle(handlers: &mut Handlers) {
    let ended = OldTenantRows {
        table: "customer_imports",
        key: &["id"],
        at: "finished_ms",
        only: "finished_ms is not null",
        children: &[
            Children { table: "customer_import_errors", parent: "import_id", owned: Owned::ByOrganizations },
            Children { table: "customer_import_files", parent: "import_id", owned: Owned::ByOrganizations },
        ],
    };
    handlers.job::<jobs::ContinueImport>().sweep(Sweep::tenant_rows(
        "customer-imports",
        Keep::days("TRUNKLINE_IMPORT_RETENTION", 90),
        ended,
    ));
}
