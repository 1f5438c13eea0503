//! The second wall: on PostgreSQL, what a statement forgets, row-level security remembers.

use kernel::{Code, Scope, Time};
use store::{Db, Isolation, Migration, MigrationSet, Tx};
use testkit::{both, postgres};

use crate::tables::{migrate, note, organizations, tables};

#[tokio::test]
async fn the_organization_is_supplied_by_the_scope() {
    both(|database| async move {
        tables(&database).await;
        let (ours, theirs) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        for (who, notes) in [(Scope::from(ours), 1), (Scope::from(theirs), 0)] {
            let count = database.db.read(&who, |tx| {
                Box::pin(async move {
                    tx.query("select count(*) as n from notes where org_id = $1").row().await?.unwrap().int("n")
                })
            });
            assert_eq!(count.await.unwrap(), notes);
        }
    })
    .await;
}

#[tokio::test]
async fn without_an_organization_no_value_of_the_caller_takes_its_place() {
    both(|database| async move {
        tables(&database).await;
        let (ours, _) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        for sql in ["select body from notes where org_id = $1", "update notes set body = 'mine' where org_id = $1"] {
            let guessed = ours.to_string();
            let write = store::work(move |tx| {
                let guessed = guessed.clone();
                Box::pin(async move { tx.query(sql).bind(guessed).execute().await })
            });
            let refused = database.db.write(&Scope::System, write).await.unwrap_err();
            assert_eq!((refused.code, refused.tag), (Code::Forbidden, "no_organization"), "{sql}");
        }
        let read = database.db.read(&Scope::System, |tx| {
            let guessed = ours.to_string();
            Box::pin(async move { tx.query("select body from notes where org_id = $1").bind(guessed).rows().await })
        });
        assert_eq!(read.await.err().map(|refused| refused.tag), Some("no_organization"));
    })
    .await;
}

#[tokio::test]
async fn who_reads_all_organizations_changes_none_of_them_and_acts_for_none() {
    both(|database| async move {
        tables(&database).await;
        let (ours, theirs) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        note(&database.db, &theirs, 2).await.unwrap();
        let seen = database.db.read(&Scope::System, |tx| {
            Box::pin(async move {
                tx.read_all_organizations().await?;
                tx.system("select count(*) as n from notes").row().await?.unwrap().int("n")
            })
        });
        assert_eq!(seen.await.unwrap(), 2);
        let change = store::work(|tx: &mut Tx| {
            Box::pin(async move {
                tx.read_all_organizations().await?;
                tx.system("update notes set body = 'mine'").execute().await
            })
        });
        assert_eq!(database.db.write(&Scope::System, change).await.unwrap_err().tag, "tenant_table");
        let (enter, own) = (theirs.clone(), theirs.clone());
        let entered = store::work(move |tx: &mut Tx| {
            let organization = enter.clone();
            Box::pin(async move {
                tx.read_all_organizations().await?;
                tx.enter(&organization).await
            })
        });
        assert_eq!(database.db.write(&Scope::System, entered).await.unwrap_err().tag, "scope_left");
        let widened = store::work(|tx: &mut Tx| Box::pin(async move { tx.read_all_organizations().await }));
        assert_eq!(database.db.write(&Scope::from(own), widened).await.unwrap_err().tag, "scope_left");
        let own = Scope::from(theirs);
        let after = database.db.read(&own, |tx| {
            Box::pin(async move {
                tx.query("select count(*) as n from notes where org_id = $1").row().await?.unwrap().int("n")
            })
        });
        assert_eq!(after.await.unwrap(), 1, "the next transaction on the connection reads its own again");
    })
    .await;
}

#[tokio::test]
async fn on_postgresql_the_policies_too_let_who_reads_all_organizations_change_nothing() {
    postgres(|database| async move {
        tables(&database).await;
        let (ours, _) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        let mut hand = database.by_hand().await;
        hand.run("begin; set local role trunkline_app; set local trunkline.reads_all = 'on'").await;
        assert_eq!(hand.texts("select body from notes").await.len(), 1);
        assert_eq!(hand.texts("update notes set body = 'mine' returning body").await, [""; 0]);
        assert_eq!(hand.texts("delete from notes returning body").await, [""; 0]);
        hand.run("rollback").await;
    })
    .await;
}

#[tokio::test]
async fn every_table_with_an_organization_forces_row_level_security() {
    postgres(|database| async move {
        tables(&database).await;
        let protected = database
            .by_hand()
            .await
            .texts(
                "select c.relname || ' ' || c.relrowsecurity || ' ' || c.relforcerowsecurity from pg_class c
                 join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' where c.relkind = 'r' order by 1",
            )
            .await;
        assert_eq!(protected, ["notes true true", "order true true"]);
    })
    .await;
}

#[tokio::test]
async fn a_table_whose_migration_lifted_the_policy_for_its_own_work_is_behind_it_again() {
    const LIFTED: MigrationSet = MigrationSet {
        name: "lifted",
        migrations: &[Migration::portable(
            "0001_letters",
            "create table letters (org_id text not null, id bigint not null);
             alter table letters no force row level security;
             update letters set id = id + 1;
             alter table letters force row level security",
        )],
    };
    postgres(|database| async move {
        store::migrate(&database.db, &[LIFTED], Time::from_ms(0)).await.unwrap();
        let marks = "select relrowsecurity::text || relforcerowsecurity::text || p.polname::text from pg_class c
                     join pg_policy p on p.polrelid = c.oid where c.relname = 'letters' order by p.polname";
        assert_eq!(
            database.by_hand().await.texts(marks).await,
            ["truetrueall_organizations", "truetruebackup", "truetruetenant"]
        );
        database.by_hand().await.run("drop policy tenant on letters").await;
        store::migrate(&database.db, &[LIFTED], Time::from_ms(0)).await.unwrap();
        assert_eq!(
            database.by_hand().await.texts(marks).await,
            ["truetrueall_organizations", "truetruebackup", "truetruetenant"],
            "also where it was lost"
        );
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_supplies_no_organization_is_refused_on_a_tenant_table() {
    both(|database| async move {
        tables(&database).await;
        let (ours, _) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        for scope in [Scope::System, Scope::from(ours)] {
            for sql in [
                "select body from notes",
                "update notes set body = 'mine'",
                "delete from counters where name in (select body from notes)",
                "insert into \"order\" (org_id, id) values ('org_of_nobody', 1)",
            ] {
                let write = store::work(move |tx: &mut Tx| Box::pin(async move { tx.system(sql).execute().await }));
                let refused = database.db.write(&scope, write).await.unwrap_err();
                assert_eq!((refused.code, refused.tag), (Code::Internal, "tenant_table"), "{sql}");
            }
            let read = database.db.read(&scope, |tx| {
                Box::pin(async move { tx.system("select 1 from counters, notes").rows().await.map(drop) })
            });
            assert_eq!(read.await.unwrap_err().tag, "tenant_table");
        }
        let built = database.db.write(&Scope::System, |tx| {
            Box::pin(async move { tx.system_built("delete from notes".to_owned()).execute().await })
        });
        assert_eq!(built.await.unwrap_err().tag, "tenant_table");
        assert_eq!(database.by_hand().await.texts("select body from notes").await, ["hello"]);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_forgets_its_organization_reaches_no_other_one() {
    postgres(|database| async move {
        tables(&database).await;
        let (ours, theirs) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        note(&database.db, &theirs, 2).await.unwrap();
        let ours = Scope::from(ours);

        assert_eq!(seen(&database.db, &ours).await, [1]);
        assert_eq!(changed(&database.db, &ours, "update notes set body = 'mine' where $1 <> ''").await, 1);
        assert_eq!(changed(&database.db, &ours, "delete from notes where id = 2 and $1 <> ''").await, 0);
        let moved = database.db.write(&ours, |tx| {
            Box::pin(
                async move { tx.query("update notes set org_id = 'org_of_nobody' where $1 <> ''").execute().await },
            )
        });
        assert_eq!(moved.await.unwrap_err().tag, "row_level_security");
        let (_, theirs) = organizations();
        let planted = database.db.write(&ours, move |tx| {
            let theirs = theirs.to_string();
            Box::pin(async move {
                let insert = tx.query("insert into notes (org_id, id, body) select $2, 3, '' where $1 <> ''");
                insert.bind(theirs).execute().await
            })
        });
        assert_eq!(planted.await.unwrap_err().tag, "row_level_security");
        let everything = database.by_hand().await.texts("select id || ' ' || body from notes order by id").await;
        assert_eq!(everything, ["1 mine", "2 hello"]);
    })
    .await;
}

#[tokio::test]
async fn a_role_without_an_organization_sees_no_tenant_rows() {
    postgres(|database| async move {
        tables(&database).await;
        let (ours, _) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        let mut hand = database.by_hand().await;
        hand.run("insert into notes (org_id, id, body) values ('', 2, 'of nobody'); set role trunkline_app").await;
        assert_eq!(hand.texts("select id::text from notes").await, [""; 0]);
        assert_eq!(
            hand.texts("with gone as (delete from notes returning id) select id::text from gone").await,
            [""; 0]
        );
    })
    .await;
}

#[tokio::test]
async fn no_connection_can_bypass_it_not_even_one_opened_before_the_first_migration() {
    postgres(|database| async move {
        let early = database.open().await;
        early.ping(testkit::seconds(10)).await.unwrap();
        migrate(&early).await.unwrap();
        let (ours, theirs) = organizations();
        note(&early, &theirs, 1).await.unwrap();
        for db in [&early, &database.db] {
            assert_eq!(roles(db).await, ["trunkline_app f f"]);
            assert_eq!(seen(db, &Scope::from(ours.clone())).await, [0; 0]);
        }
    })
    .await;
}

#[tokio::test]
async fn neither_the_organization_nor_the_role_stays_on_a_pooled_connection() {
    postgres(|database| async move {
        let mut options = database.options();
        options.max_connections = 1;
        let db = database.open_with(&options).await;
        migrate(&db).await.unwrap();
        let (ours, _) = organizations();
        note(&db, &ours, 1).await.unwrap();
        assert_eq!(organization_of_session(&db).await, "");
        let ours = Scope::from(ours);
        let failed =
            db.write(&ours, |tx| Box::pin(async move { tx.system("select no_such_column").rows().await.map(drop) }));
        assert_eq!(failed.await.unwrap_err().code, Code::Internal);
        assert_eq!(organization_of_session(&db).await, "");
        let session = store::work(|tx| {
            Box::pin(
                async move { tx.system("select current_user::text as t").row().await?.expect("one row").text("t") },
            )
        });
        let session = db.write_at(Isolation::Statement, &Scope::System, session).await.unwrap();
        assert_eq!(session, "postgres", "a role that stays would meet whoever gets the connection from a pooler next");
    })
    .await;
}

async fn organization_of_session(db: &Db) -> String {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let sql = "select coalesce(current_setting('trunkline.org', true), '') as t";
            tx.system(sql).row().await?.expect("one row").text("t")
        })
    });
    read.await.expect("the database answers")
}

/// The ids of all notes that a statement finds which forgets the organization that it was given.
pub(crate) async fn seen(db: &Db, scope: &Scope) -> Vec<i64> {
    let read = db.read(scope, |tx| {
        Box::pin(async move {
            let rows = tx.query("select id from notes where $1 <> '' order by id").rows().await?;
            rows.iter().map(|row| row.int("id")).collect()
        })
    });
    read.await.expect("the database answers")
}

async fn changed(db: &Db, scope: &Scope, sql: &'static str) -> u64 {
    let write = store::work(move |tx: &mut Tx| Box::pin(async move { tx.query(sql).execute().await }));
    db.write(scope, write).await.expect("the database answers")
}

/// Who the connections are, and whether they are above row-level security.
pub(crate) async fn roles(db: &Db) -> Vec<String> {
    let read = db.read(&Scope::System, |tx| {
        Box::pin(async move {
            let sql = "select current_user || case when rolsuper then ' t' else ' f' end
                     || case when rolbypassrls then ' t' else ' f' end as who
                 from pg_roles where rolname = current_user";
            tx.system(sql).rows().await?.iter().map(|row| row.text("who")).collect()
        })
    });
    read.await.expect("the database answers")
}
