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
    let keys = keys(variable, &format!("{name}/.well-known/jwks.json"))?;
    Ok(Base { name, keys })
}

/// The keys at an address that follows from a variable.
fn keys(variable: &'static str, address: &str) -> Result<KeySet> {
    KeySet::parse(address).map_err(|error| {
        let message = format!(
            "{variable} cannot be used: it must be an address that begins with https:// (http:// is for this machine only)"
        );
        Error::config("issuer_address", message).context("variable", variable).source(error)
    })
}
