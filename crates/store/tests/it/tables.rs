//! The tables that these tests use, and small ways to use them.

use kernel::{OrgId, Result, Scope, Time};
use store::{Db, Migration, MigrationSet, Tx};
use testkit::{TestClock, TestDb, TestRandom};

/// A counter for everyone, and a tenant's notes.
pub(crate) const TABLES: MigrationSet = MigrationSet {
    name: "test",
    migrations: &[
        Migration::portable(
            "0001_counters",
            "create table counters (name text primary key, value bigint not null);
             insert into counters (name, value) values ('hits', 0)",
        ),
        Migration::portable(
            "0002_notes",
            "create table notes (
                 org_id text not null, id bigint not null, body text not null, primary key (org_id, id));
             create table \"order\" (org_id text not null, id bigint not null)",
        ),
    ],
};

/// Makes them.
pub(crate) async fn tables(database: &TestDb) {
    migrate(&database.db).await.expect("the tables can be made");
}

/// Makes what is missing.
pub(crate) async fn migrate(db: &Db) -> Result<Vec<String>> {
    store::migrate(db, &[TABLES], Time::from_ms(0)).await
}

/// Two organizations.
pub(crate) fn organizations() -> (OrgId, OrgId) {
    let (clock, random) = (TestClock::new(), TestRandom::new(7));
    (OrgId::new(&clock, &random), OrgId::new(&clock, &random))
}

/// Reads the counter, then writes what it read, plus one.
pub(crate) async fn count_one_more(tx: &mut Tx) -> Result<i64> {
    let row = tx.system("select value from counters where name = 'hits'").row().await?;
    let value = row.expect("the counter is there").int("value")? + 1;
    set(tx, value).await?;
    Ok(value)
}

/// Writes the counter.
pub(crate) async fn set(tx: &mut Tx, value: i64) -> Result<()> {
    tx.system("update counters set value = $1 where name = 'hits'").bind(value).execute().await.map(drop)
}

/// What the counter shows.
pub(crate) async fn counted(db: &Db) -> i64 {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let row = tx.system("select value from counters where name = 'hits'").row().await?;
            row.expect("the counter is there").int("value")
        })
    });
    read.await.expect("the counter can be read")
}

/// One more hit, in a transaction of its own.
pub(crate) async fn hit(db: &Db) -> Result<i64> {
    db.write(&Scope::System, |tx| Box::pin(count_one_more(tx))).await
}

/// Writes a note of `organization`.
pub(crate) async fn note(db: &Db, organization: &OrgId, id: i64) -> Result<()> {
    let write = store::work(move |tx| {
        Box::pin(async move {
            let insert = tx.query("insert into notes (org_id, id, body) values ($1, $2, $3)");
            insert.bind(id).bind("hello").execute().await.map(drop)
        })
    });
    db.write(&organization.clone().into(), write).await
}
