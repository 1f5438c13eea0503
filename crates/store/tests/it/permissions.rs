//! What PostgreSQL lets our role do, also after a dump was restored elsewhere.

use kernel::{Code, Scope};
use testkit::{TestDb, postgres};

use crate::{
    tables::{hit, migrate, note, organizations, tables},
    tenants::{roles, seen},
};

#[tokio::test]
async fn grants_that_a_restored_dump_lost_are_made_again_by_the_next_migrate() {
    postgres(|database| async move {
        tables(&database).await;
        let (ours, _) = organizations();
        note(&database.db, &ours, 1).await.unwrap();
        lose_grants(&database).await;
        let db = database.open().await;
        let refused = hit(&db).await.unwrap_err();
        assert_eq!((refused.code, refused.tag), (Code::Config, "database_permission"));
        assert!(refused.message.contains("trunkline migrate"), "{refused}");

        assert_eq!(migrate(&db).await.unwrap(), [""; 0], "there is nothing to apply");
        hit(&db).await.unwrap();
        assert_eq!(seen(&db, &Scope::from(ours)).await, [1]);
        assert_eq!(roles(&db).await, ["trunkline_app f f"]);
        let migrations = db.write(&Scope::System, |tx| {
            Box::pin(async move { tx.system("delete from trunkline_migrations").execute().await })
        });
        assert_eq!(migrations.await.unwrap_err().tag, "database_permission", "not more than before");
    })
    .await;
}

/// As a dump leaves them that was restored where the role was not.
async fn lose_grants(database: &TestDb) {
    database
        .by_hand()
        .await
        .run(
            "revoke all on all tables in schema public from trunkline_app;
             revoke all on all sequences in schema public from trunkline_app;
             revoke all on schema public from trunkline_app",
        )
        .await;
}
