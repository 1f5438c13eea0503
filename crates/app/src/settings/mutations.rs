//! Changes settings.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, patch};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Settings, store};

/// Change settings. Fields that are absent stay as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateSettings {
    /// The time zone in which days begin: a name such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// The language tag by which numbers and dates are written, such as `en` or `pt-BR`.
    pub locale: Option<String>,
    /// The first day of the week: 1 is Monday, 7 is Sunday.
    pub week_starts_on: Option<i64>,
}

#[async_trait]
impl Mutation for UpdateSettings {
    const NAME: &'static str = "settings:update";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = patch("/v1/settings");
    type Output = Settings;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Settings> {
        let before = store::get(ctx.db).await?;
        let settings = Settings {
            time_zone: self.time_zone.unwrap_or(before.time_zone),
            locale: self.locale.unwrap_or(before.locale),
            week_starts_on: self.week_starts_on.unwrap_or(before.week_starts_on),
        };
        settings.check()?;
        let now = ctx.now();
        store::set(ctx.db, &settings, now).await?;
        Ok(settings)
    }
}
