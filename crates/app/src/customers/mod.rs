//! Customers: the client companies of an organization.
//!
//! Owners and admins work with all customers, viewers see all of them, staff see those that they are assigned to, and a
//! client sees their own company.

mod domain;
mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use domain::{CustomerCreated, CustomerDeleted, CustomerUpdated};
pub use model::{Customer, CustomerId, Notes};
pub(crate) use model::{NewCustomer, Visibility};
pub(crate) use mutations::add;
pub use mutations::{CreateCustomer, DeleteCustomer, UpdateCustomer};
pub use queries::{
    CountCustomers, CustomerUsage, GetCustomer, GetMyCustomer, ListCustomers, ListMyAssignedStaff, PageCustomers,
};
pub(crate) use queries::{count, find, find_seen, is_recognised, recognised, seen};

/// Registers the operations of this feature.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .module("customers", "Customers: the client companies of an organization")
        .query::<ListCustomers>()
        .query::<PageCustomers>()
        .query::<GetCustomer>()
        .query::<CountCustomers>()
        .query::<GetMyCustomer>()
        .query::<ListMyAssignedStaff>()
        .mutation::<CreateCustomer>()
        .mutation::<UpdateCustomer>()
        .mutation::<DeleteCustomer>();
}
