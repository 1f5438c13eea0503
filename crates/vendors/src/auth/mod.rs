//! Who signs people in.

use kernel::{Error, Result};
use provider::auth::KeySet;

provider::category! { auth: workos::WorkOs, clerk::Clerk, supabase::Supabase, auth0::Auth0 }

/// An issuer that is named after its address and has its keys below it.
struct Base {
    /// The address, without a slash at its end.
    name: String,
    keys: KeySet,
}

/// The issuer at a domain that was typed with or without `https://`.
fn base(variable: &'static str, domain: &str) -> Result<Base> {
    let domain = domain.trim().trim_end_matches('/');
    let name = if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") };
    let keys = KeySet::parse(&format!("{name}/.well-known/jwks.json")).map_err(|error| {
        let message = format!("{variable} cannot be used: write it like https://example.com");
        Error::config("issuer_domain", message).source(error)
    })?;
    Ok(Base { name, keys })
}
