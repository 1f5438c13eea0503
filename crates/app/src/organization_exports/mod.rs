//! Exports of an organization: everything that it has here, in one archive.
//!
//! A job writes it table by table, as the database itself lists them, in slices; each slice and the mark behind it are one
//! transaction, so that whatever stops in between loses nothing and writes nothing twice. The archive is a `.tar.gz` of files with
//! a JSON object on each line, and can be downloaded for a week.

mod archive;
mod jobs;
mod model;
mod mutations;
mod queries;
mod store;

use std::time::Duration;

use engine::{Children, Handlers, Keep, OldTenantRows, Owned, Registry, Sweep};

pub use model::{ExportId, ExportStatus, OrganizationExport};
pub use mutations::ExportOrganization;
pub(crate) use mutations::{begin, finished};
pub use queries::{ArchivePart, DownloadExport, GetExport, PageExports};

/// The operations of this feature. They are operations on organizations.
pub(crate) fn register(registry: &mut Registry) {
    registry.mutation::<ExportOrganization>().query::<GetExport>().query::<PageExports>().query::<DownloadExport>();
}

/// Registers the jobs of this feature, and the sweep that deletes archives when their lifetime is over.
pub(crate) fn handle(handlers: &mut Handlers) {
    let over = OldTenantRows {
        table: "organization_exports",
        key: &["id"],
        at: "expires_ms",
        only: "1 = 1",
        children: &[Children {
            table: "organization_export_parts",
            parent: "export_id",
            owned: Owned::ByOrganizations,
        }],
    };
    handlers.job::<jobs::WriteExport>().sweep(Sweep::tenant_rows(
        "organization-exports",
        Keep::fixed(Duration::ZERO),
        over,
    ));
}
