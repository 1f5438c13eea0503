//! What other features can hear of.

use engine::DomainEvent;
use serde::{Deserialize, Serialize};

use super::Customer;

/// A customer was made, by hand or by an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerCreated {
    /// As it was made.
    pub customer: Customer,
}

impl DomainEvent for CustomerCreated {
    const NAME: &'static str = "customer.created";

    fn subject(&self) -> Option<String> {
        Some(self.customer.id.to_string())
    }
}

/// A customer was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerUpdated {
    /// As it is now.
    pub customer: Customer,
}

impl DomainEvent for CustomerUpdated {
    const NAME: &'static str = "customer.updated";

    fn subject(&self) -> Option<String> {
        Some(self.customer.id.to_string())
    }
}

/// A customer was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDeleted {
    /// As it was.
    pub customer: Customer,
}

impl DomainEvent for CustomerDeleted {
    const NAME: &'static str = "customer.deleted";

    fn subject(&self) -> Option<String> {
        Some(self.customer.id.to_string())
    }
}
