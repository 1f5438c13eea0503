//! The features, one folder each. None depends on a vendor: vendors' events arrive as types of `provider`.
//!
//! Each feature registers its operations, which people and programs call. Public functions that take a database are for
//! commands and for handlers of vendors' events.

pub mod api_keys;
pub mod assignments;
pub mod audit;
pub mod billing;
pub mod connections;
pub mod contacts;
pub mod conversations;
pub mod customer_files;
pub mod customers;
mod email;
mod export;
pub mod invitations;
mod list;
pub mod messages;
mod name;
pub mod organization_exports;
pub mod organizations;
mod patch;
pub mod settings;
pub mod users;

use std::sync::Arc;

use engine::{Handlers, Registry};
use provider::{messaging, payments};
use store::{Migration, MigrationSet};

pub use email::Email;
pub use export::Part;
pub use name::Name;
pub use patch::Patch;

/// Vendors by their names in the registry, each with the reader of its events.
pub type Readers<R> = Vec<(&'static str, Arc<R>)>;

/// Lets the features handle the events of these vendors, and register their jobs and what they clean up.
pub fn register(
    handlers: &mut Handlers,
    messaging: Readers<dyn messaging::Reader>,
    payments: Readers<dyn payments::Reader>,
) {
    for (provider, reader) in messaging {
        handlers.on(provider, Arc::new(messages::Events::new(reader)));
    }
    for (provider, reader) in payments {
        handlers.on(provider, Arc::new(billing::Events::new(reader)));
    }
    organizations::handle(handlers);
    organization_exports::handle(handlers);
    users::handle(handlers);
    invitations::handle(handlers);
    customer_files::handle(handlers);
    messages::handle(handlers);
    contacts::handle(handlers);
    billing::handle(handlers);
    api_keys::handle(handlers);
    audit::handle(handlers);
}

/// Registers all operations of all features.
pub fn operations(registry: &mut Registry) {
    organizations::register(registry);
    organization_exports::register(registry);
    users::register(registry);
    customers::register(registry);
    customer_files::register(registry);
    assignments::register(registry);
    invitations::register(registry);
    billing::register(registry);
    api_keys::register(registry);
    audit::register(registry);
    settings::register(registry);
    connections::register(registry);
    contacts::register(registry);
    conversations::register(registry);
    messages::register(registry);
}

/// The migrations of the features.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "app",
    migrations: &[
        Migration::portable("0001_organizations", include_str!("../migrations/0001_organizations.sql")),
        Migration::portable("0002_connections", include_str!("../migrations/0002_connections.sql")),
        Migration::portable("0003_contacts", include_str!("../migrations/0003_contacts.sql")),
        Migration::portable("0004_conversations", include_str!("../migrations/0004_conversations.sql")),
        Migration::portable("0005_messages", include_str!("../migrations/0005_messages.sql")),
        Migration::portable("0006_billing", include_str!("../migrations/0006_billing.sql")),
        Migration::portable("0007_early_statuses", include_str!("../migrations/0007_early_statuses.sql")),
        Migration::portable("0008_people", include_str!("../migrations/0008_people.sql")),
        Migration::portable("0009_customers", include_str!("../migrations/0009_customers.sql")),
        Migration::portable("0010_invitations", include_str!("../migrations/0010_invitations.sql")),
        Migration::portable("0011_plans", include_str!("../migrations/0011_plans.sql")),
        Migration::portable("0020_api_keys", include_str!("../migrations/0020_api_keys.sql")),
        Migration::pair(
            "0021_audit",
            include_str!("../migrations/0021_audit.sqlite.sql"),
            include_str!("../migrations/0021_audit.postgres.sql"),
        ),
        Migration::portable("0022_settings", include_str!("../migrations/0022_settings.sql")),
        Migration::pair(
            "0030_customer_recognition",
            include_str!("../migrations/0030_customer_recognition.sqlite.sql"),
            include_str!("../migrations/0030_customer_recognition.postgres.sql"),
        ),
        Migration::portable("0031_customer_imports", include_str!("../migrations/0031_customer_imports.sql")),
        Migration::pair(
            "0040_retention",
            include_str!("../migrations/0040_retention.sqlite.sql"),
            include_str!("../migrations/0040_retention.postgres.sql"),
        ),
        Migration::portable("0041_contact_identities", include_str!("../migrations/0041_contact_identities.sql")),
    ],
};
