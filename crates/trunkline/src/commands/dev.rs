//! `dev`: everything on, with a demo organization and local secrets, and something to try.

use std::{fs, io::Write, net::ToSocketAddrs, os::unix::fs::OpenOptionsExt, path::Path};

use app::{
    Name, connections,
    connections::AddConnection,
    organizations,
    organizations::{CreateOrganization, ExternalId},
};
use bytes::Bytes;
use engine::{Delivery, Inbox, InboxOptions, Intake, World};
use http::{HeaderMap, Method};
use kernel::{Error, Result};
use provider::{WebhookRequest, WebhookState, settings::Variables};
use store::Db;

use super::{
    samples::{CONNECTIONS, SAMPLES, SEEDS, Sample},
    serve::Started,
    sign,
};
use crate::{environment::Environment, output};

/// Variables that `dev` makes up where they are not set: the vendor, the variable, and what the secret begins with.
const SECRETS: [(&str, &str); 5] = [
    ("WHATSAPP_APP_SECRET", ""),
    ("KAPSO_WEBHOOK_SECRET", ""),
    ("STRIPE_WEBHOOK_SECRET", "whsec_"),
    ("POLAR_WEBHOOK_SECRET", "polar_whs_"),
    ("LEMON_SQUEEZY_WEBHOOK_SECRET", ""),
];
/// Where they are kept, so that they are the same next time.
const SECRETS_FILE: &str = "dev-secrets.env";

/// Serves until it is told to stop.
pub(crate) async fn run(mut environment: Environment) -> Result<()> {
    only_on_loopback(&environment.settings.trunkline_listen)?;
    let data = environment.data();
    fs::create_dir_all(&data).map_err(|error| unwritable(&data, error))?;
    environment.variables = with_secrets(&environment.variables, &data.join(SECRETS_FILE), &World::system())?;
    let started = Started::new(&environment).await?;
    seed(&started).await?;
    let samples = data.join("samples");
    write_samples(&samples)?;
    greet(&environment, &started, &samples)?;
    started.until_stopped(&environment).await
}

/// Secrets that are made up must not face the world.
fn only_on_loopback(listen: &str) -> Result<()> {
    let addresses = listen.to_socket_addrs().map_err(|error| {
        Error::config("listen", format!("{listen} is not an address: write it like 127.0.0.1:3000")).source(error)
    })?;
    for address in addresses {
        if !address.ip().is_loopback() {
            return Err(Error::config(
                "dev_on_public_address",
                "dev listens on loopback only: use 127.0.0.1, or `trunkline serve` with secrets of your own",
            ));
        }
    }
    Ok(())
}

/// The variables, with a secret of our own for each vendor of the demo that has none.
fn with_secrets(variables: &Variables, file: &Path, world: &World) -> Result<Variables> {
    let kept = fs::read_to_string(file).unwrap_or_default();
    let kept: Vec<_> = kept.lines().filter_map(|line| line.split_once('=')).collect();
    let mut all: Vec<(String, String)> =
        variables.names().filter_map(|name| Some((name.to_owned(), variables.get(name)?.to_owned()))).collect();
    let mut made = String::new();
    for (name, prefix) in SECRETS {
        let known = kept.iter().find(|(kept, _)| *kept == name).map(|(_, value)| (*value).to_owned());
        let secret = known.unwrap_or_else(|| format!("{prefix}{:016x}{:016x}", world.number(), world.number()));
        made.push_str(&format!("{name}={secret}\n"));
        if variables.get(name).is_none() {
            all.push((name.to_owned(), secret));
        }
    }
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(file);
    opened.and_then(|mut file| file.write_all(made.as_bytes())).map_err(|error| unwritable(file, error))?;
    Ok(all.into_iter().collect())
}

/// The demo organization, its connections, and its subscriptions, which come the way all events come.
async fn seed(started: &Started) -> Result<()> {
    let Started { db, world, .. } = started;
    let demo = CreateOrganization {
        name: Name::parse("Demo")?,
        external_ids: vec![ExternalId { provider: "demo".to_owned(), id: "demo".to_owned() }],
    };
    let demo = organizations::ensure(db, world, demo).await?;
    for (provider, account, name) in CONNECTIONS {
        let new =
            AddConnection { provider: provider.to_owned(), account: account.to_owned(), name: Name::parse(name)? };
        connections::ensure(db, world, &demo.id, new).await?;
    }
    deliver_seeds(started, db, world).await
}

async fn deliver_seeds(started: &Started, db: &Db, world: &World) -> Result<()> {
    let inbox = Inbox::start(db, world, InboxOptions::default());
    for seed in SEEDS {
        let Some((entry, WebhookState::On(source))) = started.registry.get(seed.provider) else { continue };
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(seed.body.as_bytes()));
        let request = WebhookRequest {
            method: &Method::POST,
            url: "http://localhost/",
            headers: &headers,
            body: &body,
            received_at: world.now(),
        };
        let events = source.events(&request);
        let delivery = Delivery {
            provider: entry.id,
            connection: String::new(),
            headers: Vec::new(),
            received_at: world.now(),
            events,
        };
        inbox.accept(delivery).await?;
    }
    Ok(())
}

fn write_samples(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    for sample in SAMPLES {
        let file = folder.join(format!("{}.json", sample.provider));
        fs::write(&file, sample.body).map_err(|error| unwritable(&file, error))?;
    }
    Ok(())
}

/// What to try, ready to paste.
fn greet(environment: &Environment, started: &Started, samples: &Path) -> Result<()> {
    let (address, program) = (started.address, quoted(&program()));
    let flags = format!("--data {}", quoted(&environment.settings.trunkline_data));
    output::say(format_args!(
        "\nTrunkline serves at http://{address}, with the demo organization in {}.",
        environment.data().display()
    ));
    output::say("Paste these into another terminal. The signatures of Stripe and Polar are good for five minutes.\n");
    for sample in SAMPLES {
        output::say(format_args!("# {}: {}", sample.provider, sample.about));
        output::say(curl(environment, &sample, &format!("http://{address}"), samples)?);
    }
    output::say("\nThen look at what became of them:\n");
    for what in ["conversations list", "messages list", "subscriptions list", "events list"] {
        output::say(format_args!("{program} {flags} {what}"));
    }
    output::say(format_args!("\nA fresh signature for any file: {program} {flags} sign stripe --secret SECRET FILE"));
    output::say(format_args!(
        "The secrets are in {}. Ctrl-C stops.\n",
        environment.data().join(SECRETS_FILE).display()
    ));
    Ok(())
}

fn curl(environment: &Environment, sample: &Sample, base: &str, samples: &Path) -> Result<String> {
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

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// How this program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "trunkline".to_owned())
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::config("data_folder", format!("{} cannot be written: choose another folder with --data", path.display()))
        .source(error)
}
