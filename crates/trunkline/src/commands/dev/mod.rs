//! `dev`: serves with a demo organization and generated secrets, and prints what to try.

mod demo;
mod greeting;
mod secrets;

use std::{fs, net::ToSocketAddrs, path::Path};

use engine::World;
use kernel::{Error, Result};

use super::{samples::SAMPLES, serve::Started};
use crate::environment::Environment;
use secrets::Secrets;

/// Serves until the process is told to stop.
pub(crate) async fn run(mut environment: Environment) -> Result<()> {
    only_on_loopback(&environment.settings.trunkline_listen)?;
    let data = environment.data();
    store::make_private_folder(&data).map_err(|error| unwritable(&data, error))?;
    let mut secrets = Secrets::read(&data);
    environment.variables = secrets.complete(&environment.variables, &World::system())?;
    let started = Started::new(&environment).await?;
    let demo = demo::seed(&started).await?;
    let key = demo::ensure_key(&environment.product, &started, &demo, &mut secrets).await?;
    write_samples(&data.join("samples"))?;
    greeting::greet(&environment, &started, &secrets, key.as_deref())?;
    started.until_stopped(&environment).await
}

/// Refuses an address that is not loopback, because the secrets are generated.
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

fn write_samples(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    for sample in SAMPLES {
        let file = folder.join(format!("{}.json", sample.provider));
        fs::write(&file, sample.body).map_err(|error| unwritable(&file, error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::config("data_folder", format!("{} cannot be written: choose another folder with --data", path.display()))
        .source(error)
}
