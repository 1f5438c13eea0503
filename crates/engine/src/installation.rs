//! Random values that the installation generates at its first start, the same on all nodes.

use data_encoding::HEXLOWER;
use kernel::{Error, Result, Scope};
use store::{Db, Tx};

use crate::World;

/// Returns the key of this name: 32 random bytes, generated at the first call.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn installation_key(db: &Db, world: &World, name: &'static str) -> Result<Vec<u8>> {
    let fresh = HEXLOWER.encode(&world.bytes::<32>());
    let write = store::work(move |tx| {
        let fresh = fresh.clone();
        Box::pin(async move { made_or_kept(tx, name, &fresh).await })
    });
    let known = db.read(&Scope::System, |tx| Box::pin(async move { find(tx, name).await })).await?;
    let key = match known {
        Some(key) => key,
        None => db.write(&Scope::System, write).await?,
    };
    HEXLOWER.decode(key.as_bytes()).map_err(|error| {
        Error::internal("installation_key", "a key of the installation is damaged: restore the table installation")
            .source(error)
    })
}

async fn made_or_kept(tx: &mut Tx, name: &str, fresh: &str) -> Result<String> {
    let insert = tx.system("insert into installation (name, value) values ($1, $2) on conflict (name) do nothing");
    insert.bind(name).bind(fresh).execute().await?;
    find(tx, name).await?.ok_or_else(|| Error::internal("installation_key", "a key was written and is gone"))
}

async fn find(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    let row = tx.system("select value from installation where name = $1").bind(name).row().await?;
    row.map(|row| row.text("value")).transpose()
}
