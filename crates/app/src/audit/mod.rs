//! The audit log: which caller did what, to which object, when and from where. Every mutation of an organization writes
//! an entry in its own transaction; entries are never changed.

mod log;
mod model;
mod queries;
mod store;

use engine::Registry;

pub use log::Log;
pub use model::AuditEntry;
pub use queries::{ExportAudit, PageAudit};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("audit", "The audit log: which caller did what, when and from where")
        .query::<PageAudit>()
        .query::<ExportAudit>();
}
