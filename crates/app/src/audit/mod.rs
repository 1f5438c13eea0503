//! The audit log: which caller did what, to which object, when and from where. Every mutation of an organization writes
//! an entry in its own transaction; entries are never changed.

mod log;
mod model;
mod queries;
mod store;

use engine::{Handlers, Keep, OldTenantRows, Registry, Sweep};

pub use log::Log;
pub use model::AuditEntry;
pub use queries::{ExportAudit, PageAudit};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("audit", "The audit log: which caller did what, when and from where")
        .query::<PageAudit>()
        .query::<ExportAudit>();
}

/// Registers the sweep that deletes old entries of the audit log.
pub(crate) fn handle(handlers: &mut Handlers) {
    let lines = OldTenantRows { table: "audit_entries", key: &["id"], at: "at_ms", only: "1 = 1", children: &[] };
    handlers.sweep(Sweep::tenant_rows("audit-log", Keep::days("TRUNKLINE_AUDIT_RETENTION", 730), lines));
}
