//! The features, one folder each. None knows a vendor: what vendors send arrives in the words of `provider`.
//!
//! Queries and mutations are functions on a database; their argument and answer types are those of the operations that
//! will be made of them.

pub mod api_keys;
pub mod audit;
pub mod billing;
pub mod connections;
pub mod contacts;
pub mod conversations;
pub mod messages;
mod name;
pub mod organizations;
pub mod settings;

use std::{sync::Arc, time::Duration};

use engine::{Handlers, Registry};
use kernel::Result;
use provider::{messaging, payments};
use store::{Migration, MigrationSet};

pub use name::Name;

/// A vendor's name in the registry, and who reads its events.
pub type Reads<R> = Vec<(&'static str, Arc<R>)>;

/// Lets the features handle the events of these vendors, and clean up what waited for longer than `keep` for an event
/// that never came.
///
/// # Errors
/// `Internal` when a cron has a bad pattern.
pub fn register(
    handlers: &mut Handlers,
    messaging: Reads<dyn messaging::Reader>,
    payments: Reads<dyn payments::Reader>,
    keep: Duration,
) -> Result<()> {
    for (provider, reader) in messaging {
        handlers.on(provider, Arc::new(messages::Events::new(reader)));
    }
    for (provider, reader) in payments {
        handlers.on(provider, Arc::new(billing::Events::new(reader)));
    }
    messages::register(handlers, keep)
}

/// Everything that can be called.
pub fn operations(registry: &mut Registry) {
    api_keys::register(registry);
    audit::register(registry);
    settings::register(registry);
}

/// The tables of the features.
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
        Migration::portable("0020_api_keys", include_str!("../migrations/0020_api_keys.sql")),
        Migration::pair(
            "0021_audit",
            include_str!("../migrations/0021_audit.sqlite.sql"),
            include_str!("../migrations/0021_audit.postgres.sql"),
        ),
        Migration::portable("0022_settings", include_str!("../migrations/0022_settings.sql")),
    ],
};
