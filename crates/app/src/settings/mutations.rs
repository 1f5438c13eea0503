//! Changing settings.

use async_trait::async_trait;
use engine::{Mutation, MutationCtx, operation::Route, patch};
use kernel::{Access, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Settings, store};

/// Choose settings; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateSettings {
    /// Where days begin: a name such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// How numbers and dates are written: a tag such as `en` or `pt-BR`.
    pub locale: Option<String>,
    /// Which day weeks begin with: 1 is Monday, 7 is Sunday.
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
