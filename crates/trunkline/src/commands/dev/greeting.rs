//! Prints commands to try in `dev`, ready to paste.

use std::path::Path;

use bytes::Bytes;
use kernel::Result;

use super::secrets::Secrets;
use crate::{
    commands::{
        samples::{SAMPLES, Sample},
        serve::Started,
        sign,
    },
    environment::Environment,
    output,
};

/// Prints what is running, and what to try.
pub(super) fn greet(environment: &Environment, started: &Started, secrets: &Secrets, key: Option<&str>) -> Result<()> {
    let base = format!("http://{}", started.address);
    let data = environment.data();
    output::say(format_args!("\nTrunkline serves at {base}, with the demo organization in {}.", data.display()));
    output::say("Paste these into another terminal.");
    if let Some(key) = key {
        say_api(environment, &base, key);
    }
    say_webhooks(environment, &base, &data.join("samples"))?;
    output::say(format_args!("\nThe secrets are in {}. Ctrl-C stops.\n", secrets.file().display()));
    Ok(())
}

/// Prints how to call the operations over REST, from the terminal and from a front end.
fn say_api(environment: &Environment, base: &str, key: &str) {
    let (program, url) = (program(environment), format!("{base}/v1/customers"));
    let bearer = format!("-H 'Authorization: Bearer {key}'");
    output::say(format_args!("\n# Its API key, which may do what an owner may: {key}"));
    output::say(format_args!(
        "curl -s {url} {bearer} -H 'Content-Type: application/json' --data '{{\"name\":\"Acme\"}}'; echo"
    ));
    output::say(format_args!("curl -s {url} {bearer}; echo"));
    output::say(format_args!("{program} customers create --name Globex"));
    output::say(format_args!("{program} customers list"));
    output::say(format_args!(
        "\n# A front end with the npm package convex has its server at {base}, and its types from:"
    ));
    output::say(format_args!("{program} codegen typescript --out trunkline"));
}

/// Prints how to post webhooks, and how to see their effects.
fn say_webhooks(environment: &Environment, base: &str, samples: &Path) -> Result<()> {
    let program = program(environment);
    output::say("\n# Webhooks. The signatures of Stripe and Polar are good for five minutes.");
    for sample in SAMPLES {
        output::say(format_args!("# {}: {}", sample.provider, sample.about));
        output::say(post(environment, &sample, base, samples)?);
    }
    output::say("\n# What became of them:");
    for what in ["conversations list", "messages list", "subscriptions list", "events list"] {
        output::say(format_args!("{program} {what}"));
    }
    output::say(format_args!("\n# A fresh signature for any file: {program} sign stripe --secret SECRET FILE"));
    Ok(())
}

fn post(environment: &Environment, sample: &Sample, base: &str, samples: &Path) -> Result<String> {
    let url = format!("{base}/webhooks/{}", sample.provider);
    let file = samples.join(format!("{}.json", sample.provider));
    let body = Bytes::from_static(sample.body.as_bytes());
    let mut line = format!("curl -s {url} -H 'Content-Type: application/json'");
    for (name, value) in sign::headers(environment, sample.provider, None, &url, &body)? {
        line.push_str(&format!(" -H '{name}: {value}'"));
    }
    if let Some((name, value)) = sample.header {
        line.push_str(&format!(" -H '{name}: {value}'"));
    }
    line.push_str(&format!(" --data-binary {}; echo", quoted(&format!("@{}", file.display()))));
    Ok(line)
}

/// Returns the name under which this program was called, with the data folder.
fn program(environment: &Environment) -> String {
    let program = std::env::args().next().unwrap_or_else(|| environment.product.name.to_owned());
    format!("{} --data {}", quoted(&program), quoted(&environment.settings.trunkline_data))
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
