//! Customers as files: exported as CSV, and imported from CSV with a preview.
//!
//! An import is a row with a mark of how far it has come. A job works through the file in slices; each slice, and the
//! mark behind it, is one transaction, so that whatever stops in between loses nothing and does nothing twice.

mod jobs;
mod model;
mod mutations;
mod queries;
mod sheet;
mod store;
mod table;

use engine::{Handlers, Registry};

pub use jobs::Work;
pub use model::{CustomerImport, ImportId, ImportStatus, RowError};
pub use mutations::{CancelImport, ImportCustomers, ResumeImport};
pub use queries::{
    ExportCustomers, GetImportStatus, PageImportErrors, PageImports, Preview, PreviewImport, PreviewedRow, RoomFor,
};
pub use sheet::{Duplicates, Reading};

/// The operations of this feature. They are operations on customers.
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

/// The jobs of this feature.
pub(crate) fn handle(handlers: &mut Handlers) {
    handlers.job::<jobs::WorkOffImport>();
}
