//! Providers of sign-in.

use kernel::{Error, Result};
use provider::auth::KeySet;

provider::category! { auth: workos::WorkOs, clerk::Clerk, supabase::Supabase, auth0::Auth0 }

/// An issuer whose name is its address, and whose keys are below that address.
struct Base {
    /// The address, without a trailing slash.
    name: String,
    keys: KeySet,
}

/// Returns the issuer at a domain that was entered with or without `https://`.
fn base(variable: &'static str, domain: &str) -> Result<Base> {
    let domain = domain.trim().trim_end_matches('/');
    let name = if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") };
    let keys = keys(variable, &format!("{name}/.well-known/jwks.json"))?;
    Ok(Base { name, keys })
}

/// Returns the keys at an address that is derived from a variable.
fn keys(variable: &'static str, address: &str) -> Result<KeySet> {
    KeySet::parse(address).map_err(|error| {
        let message = format!(
            "{variable} cannot be used: it must be an address that begins with https:// (http:// is for this machine only)"
        );
        Error::config("issuer_address", message).context("variable", variable).source(error)
    })
}
