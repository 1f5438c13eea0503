//! Auth0: the settings of its tokens.
//!
//! Tokens: <https://auth0.com/docs/manage-users/organizations/using-tokens>. Auth0 sends no signed webhooks.

use kernel::{Result, Secret};
use provider::{
    NoWebhooks, Vendor,
    auth::{Issuer, Issuing, TokenSettings},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Auth0.
pub struct Auth0;

/// The settings for signing in with Auth0.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// Client id: Auth0 Dashboard → Applications → the application.
    pub auth0_client_id: String,
    /// Client secret: on the same page.
    pub auth0_client_secret: Secret,
}

/// The settings for accepting Auth0's tokens.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Domain: Auth0 Dashboard → Applications → the application, such as `example.eu.auth0.com`, or one of yours.
    pub auth0_domain: String,
    /// Identifier of the API that the front end asks tokens for: Auth0 Dashboard → Applications → APIs. Without it Auth0's
    /// tokens are for Auth0 alone. Several, separated by commas, are all accepted.
    pub auth0_audience: Vec<String>,
}

impl TokenSettings for Tokens {
    /// The issuer's name ends with a slash. Custom claims have addresses as names and are set in `AUTH_JWT_ISSUERS`.
    fn issuers(self) -> Result<Vec<Issuer>> {
        let base = super::base("AUTH0_DOMAIN", &self.auth0_domain)?;
        Ok(vec![Issuer { audience: self.auth0_audience, ..Issuer::new([format!("{}/", base.name)], base.keys) }])
    }
}

impl Vendor for Auth0 {
    const ID: &'static str = "auth0";
    const TITLE: &'static str = "Auth0";

    type Settings = Settings;
    type WebhookSettings = NoWebhooks;

    fn issuing() -> Option<Issuing> {
        Some(Issuing::of::<Tokens>())
    }
}

#[cfg(test)]
mod tests {
    use provider::contract::{Sample, Webhook};

    use super::*;

    impl Sample for Auth0 {
        const SETTINGS: &'static [(&'static str, &'static str)] =
            &[("AUTH0_CLIENT_ID", "client_0123456789"), ("AUTH0_CLIENT_SECRET", "secret_0123456789")];

        fn webhook() -> Option<Webhook> {
            None
        }
    }
}
