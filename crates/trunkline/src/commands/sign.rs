//! `sign`: prints the headers that a vendor would send with a body, for trying things out.

use std::{io::Read, path::Path};

use bytes::Bytes;
use engine::World;
use http::{HeaderMap, Method};
use kernel::{Error, Result};
use provider::{Registry, WebhookRequest, WebhookState};

use crate::{cli::Sign, environment::Environment, output};

/// Prints the headers, one on each line, as `curl -H @-` reads them.
pub(crate) fn run(sign: &Sign, environment: &Environment) -> Result<()> {
    let body = read(&sign.file)?;
    for (name, value) in headers(environment, &sign.provider, sign.secret.as_deref(), &sign.url, &body)? {
        output::say(format_args!("{name}: {value}"));
    }
    Ok(())
}

/// Returns the headers of `provider` for `body`, signed with `secret` or with the secret in the environment.
pub(crate) fn headers(
    environment: &Environment,
    provider: &str,
    secret: Option<&str>,
    url: &str,
    body: &Bytes,
) -> Result<Vec<(String, String)>> {
    let vendors = vendors::all();
    let vendor = vendors.iter().find(|vendor| vendor.id == provider).ok_or_else(|| {
        let known: Vec<_> = vendors.iter().map(|vendor| vendor.id).collect();
        Error::not_found("provider_unknown", format!("there is no provider {provider}: {}", known.join(", ")))
    })?;
    let headers = HeaderMap::new();
    let request =
        WebhookRequest { method: &Method::POST, url, headers: &headers, body, received_at: World::system().now() };
    let signed = match secret {
        Some(secret) => vendor.webhooks_with(secret)?.sign(&request)?,
        None => match Registry::load([*vendor], &environment.variables)?.get(provider) {
            Some((_, WebhookState::On(source))) => source.sign(&request)?,
            Some((_, WebhookState::Off(why))) => return Err(Error::config("webhooks_off", why.clone())),
            None => return Err(Error::internal("registry", "a vendor was not registered")),
        },
    };
    Ok(signed.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn read(file: &Path) -> Result<Bytes> {
    let unreadable = |error: std::io::Error| {
        Error::bad_request("file_unreadable", format!("{} cannot be read", file.display())).source(error)
    };
    if file == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).map_err(unreadable)?;
        return Ok(body.into());
    }
    std::fs::read(file).map(Bytes::from).map_err(unreadable)
}
