//! The audit log: who did what to what, when, from where. Every mutation of an organization writes a line in its own
//! transaction; nothing changes one afterwards.

mod log;
mod model;
mod queries;
mod store;

use engine::Registry;

pub use log::Log;
pub use model::AuditEntry;
pub use queries::{ExportAudit, PageAudit};

pub(crate) fn register(registry: &mut Registry) {
    registry.module("audit", "Who did what, when and from where").query::<PageAudit>().query::<ExportAudit>();
}
