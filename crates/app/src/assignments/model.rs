//! An assignment.

use kernel::{Error, Id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::users::Colleague;

kernel::id_prefix! {
    /// The kind of id of an assignment.
    pub AssignmentPrefix = "asg" in "assignments"
}

/// The id of an assignment.
pub type AssignmentId = Id<AssignmentPrefix>;

/// A staff member who is assigned to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assigned {
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// The staff member.
    #[serde(flatten)]
    pub colleague: Colleague,
}

/// The error for a person whose role is not staff, and who can therefore not be assigned.
pub(super) fn not_staff() -> Error {
    Error::conflict("not_staff", "only staff are assigned: owners, admins and viewers see all customers anyway")
}

/// The error for an assignment that does not exist.
pub(super) fn not_assigned() -> Error {
    Error::not_found("assignment_not_found", "this person is not assigned to this customer")
}
