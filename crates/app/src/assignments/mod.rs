//! Assignments of staff to customers. They decide which customers a staff member sees.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use model::{Assigned, AssignmentId};
pub use mutations::{AssignStaff, UnassignStaff};
pub(crate) use mutations::{add, remove_all_of_customer, remove_all_of_staff};
pub(crate) use queries::staff_of;
pub use queries::{ListAssignedStaff, ListAvailableStaff};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("assignments", "Assignments of staff to customers")
        .query::<ListAssignedStaff>()
        .query::<ListAvailableStaff>()
        .mutation::<AssignStaff>()
        .mutation::<UnassignStaff>();
}
