//! The settings of an organization.

mod model;
mod mutations;
mod queries;
mod store;

use engine::Registry;

pub use model::Settings;
pub use mutations::UpdateSettings;
pub use queries::GetSettings;

pub(crate) fn register(registry: &mut Registry) {
    registry.module("settings", "The settings of an organization").query::<GetSettings>().mutation::<UpdateSettings>();
}
