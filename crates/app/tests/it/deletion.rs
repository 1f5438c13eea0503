//! An organization can leave: with everything that it has here, and without a trace.

use std::{collections::BTreeMap, io::Read as _};

use app::api_keys;
use data_encoding::BASE64;
use engine::{
    Identity,
    erasure::{erasures, traces},
};
use flate2::read::MultiGzDecoder;
use kernel::{Code, OrgId, Scope};
use serde_json::{Value, json};
use testkit::{TestDb, both, days, minutes};

use crate::people::{Office, Somebody};

/// An organization with something in many tables, and its id.
async fn furnished(office: &Office, name: &str) -> (Somebody, OrgId, String) {
    let owner = office.somebody(&format!("{name}_owner"));
    let made = office.change(&owner, "organizations:create", json!({ "name": name })).await.expect("the call succeeds");
    let id = OrgId::parse(made["_id"].as_str().expect("a text")).expect("an id");
    let customer = office.customer(&owner, &format!("{name} customer")).await;
    office.member(&owner, &format!("{name}_staff"), "staff", None).await;
    office.member(&owner, &format!("{name}_client"), "client", Some(&customer)).await;
    office
        .change(&owner, "invitations:send", json!({ "email": format!("late@{name}.test"), "role": "staff" }))
        .await
        .expect("the call succeeds");
    office.change(&owner, "settings:update", json!({ "timeZone": "Europe/Berlin" })).await.expect("the call succeeds");
    let csv = "name,email\nImported,imported@example.com\nwrong,nowhere\n";
    office.change(&owner, "customers:import", json!({ "csv": csv })).await.expect("the call succeeds");
    let key = json!({ "name": "program", "role": "owner" });
    let key = office.change(&owner, "apiKeys:create", key).await.expect("the call succeeds")["key"]
        .as_str()
        .expect("a text")
        .to_owned();
    office.app.run_jobs().await;
    (owner, id, key)
}

async fn office(database: &TestDb) -> Office {
    let office = Office::open(database).await;
    office.plan(json!({ "maxCustomers": 1000, "maxStaff": 1000, "maxClients": 1000 })).await;
    office
}

/// The rows of one organization in every table.
async fn rows(office: &Office, organization: &OrgId) -> BTreeMap<String, u64> {
    let traces = traces(&office.app.db, organization).await.expect("the call succeeds");
    traces.into_iter().map(|trace| (trace.table, trace.rows)).collect()
}

async fn delete(office: &Office, owner: &Somebody, organization: &OrgId) -> kernel::Result<Value> {
    office.change(owner, "organizations:delete", json!({ "organizationId": organization })).await
}

/// Lets time pass and jobs run until the erasure is through.
async fn erased(office: &Office) {
    for _ in 0..20 {
        office.app.clock.advance(minutes(1));
        office.app.run_jobs().await;
    }
}

#[tokio::test]
async fn a_deleted_organization_is_closed_at_once_and_then_nothing_names_it() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, acme, key) = furnished(&office, "acme").await;
        let (other_owner, other, _) = furnished(&office, "other").await;
        let before = rows(&office, &other).await;
        assert!(rows(&office, &acme).await.len() > 12, "it has rows in many tables");

        let open = office.enter(&owner, None).await.unwrap();
        let wrong = office.change(&owner, "organizations:delete", json!({ "organizationId": other })).await;
        assert_eq!(wrong.unwrap_err().code, Code::NotFound);
        let deletion = delete(&office, &owner, &acme).await.unwrap();
        assert_eq!(deletion["status"], "closed");

        // What was open is closed, and nobody comes in again.
        let asked = office.operations.query(&open, "customers:list", json!({})).await;
        assert_eq!(asked.unwrap_err().code, Code::Unauthenticated);
        let again = office.enter(&owner, Some(acme.as_str())).await;
        assert_eq!(again.unwrap_err().code, Code::Forbidden);
        let shown = api_keys::identify(&office.app.db, &office.app.world, &key).await;
        assert_eq!(shown.unwrap_err().code, Code::Unauthenticated);
        let late = office.somebody("late");
        assert!(office.change(&late, "invitations:accept", json!({})).await.is_err());
        assert!(app::organizations::find(&office.app.db, acme.as_str()).await.unwrap().is_none());

        erased(&office).await;
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
        assert_eq!(rows(&office, &other).await, before, "the other organization has all of its rows");
        assert_eq!(office.customers(&other_owner).await.len(), 2);
        let [line] = &erasures(&office.app.db, 10).await.unwrap()[..] else { panic!("one line is left") };
        assert!(line.erased_at.is_some() && line.rows > 12, "{line:?}");
        assert!(!serde_json::to_string(line).unwrap().contains(acme.as_str()));
        assert_eq!(line.requested_by, "owner");
        let people = "select count(*) as n from users where email like '%acme%'";
        assert_eq!(database.number(people).await, 0, "who was in no other organization is forgotten");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_in_another_organization_stays_known() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, acme, _) = furnished(&office, "acme").await;
        let (other_owner, other, _) = furnished(&office, "other").await;
        let invited = json!({ "email": owner.claims.email, "role": "staff" });
        office.change(&other_owner, "invitations:send", invited).await.unwrap();
        office.change_in(&owner, Some("none"), "invitations:accept", json!({})).await.unwrap();
        office
            .change_in(&owner, Some(acme.as_str()), "organizations:delete", json!({ "organizationId": acme }))
            .await
            .unwrap();
        erased(&office).await;
        let me = office.ask(&owner, "users:me", json!({})).await.unwrap();
        assert_eq!(me["email"], "acme_owner@example.com");
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
        assert!(rows(&office, &other).await.contains_key("members"));
    })
    .await;
}

/// The database as the installation reaches it.
fn system(office: &Office) -> engine::ScopedDb {
    engine::ScopedDb::new(&office.app.db, kernel::Scope::System)
}

#[tokio::test]
async fn an_erasure_that_a_node_dies_in_goes_on_elsewhere() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, acme, _) = furnished(&office, "acme").await;
        let deletion = delete(&office, &owner, &acme).await.unwrap();
        let id = kernel::Id::parse(deletion["erasureId"].as_str().unwrap()).unwrap();
        // A process that does these steps and dies, after any of them.
        for _ in 0..15 {
            let erasure = engine::erasure::go_on(&system(&office), &office.app.world, &id).await.unwrap();
            assert_eq!(erasure.erased_at, None);
        }
        let node = office.app.node(&database, 2).await;
        for _ in 0..20 {
            office.app.clock.advance(minutes(1));
            node.run_jobs().await;
        }
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
        assert!(erasures(&office.app.db, 1).await.unwrap()[0].erased_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_written_while_an_organization_is_erased_is_erased_too() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, acme, _) = furnished(&office, "acme").await;
        let deletion = delete(&office, &owner, &acme).await.unwrap();
        let id = kernel::Id::parse(deletion["erasureId"].as_str().unwrap()).unwrap();
        loop {
            let erasure = engine::erasure::go_on(&system(&office), &office.app.world, &id).await.unwrap();
            if erasure.steps_done + 2 > erasure.steps_total && erasure.steps_total > 0 {
                break;
            }
        }
        // Something that was under way ends last.
        let late = store::work(|tx| {
            Box::pin(async move {
                let insert = "insert into organization_settings (org_id, value, updated_ms) values ($1, '{}', 1)";
                tx.query(insert).execute().await.map(drop)
            })
        });
        office.app.db.write(&Scope::Organization(acme.clone()), late).await.unwrap();
        erased(&office).await;
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn an_archive_has_everything_and_no_secrets_and_comes_first_when_asked() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, acme, key) = furnished(&office, "acme").await;
        let (_, other, _) = furnished(&office, "other").await;
        let wish = json!({ "organizationId": acme, "export": true });
        let first = office.change(&owner, "organizations:delete", wish.clone()).await.unwrap();
        assert_eq!(first["status"], "exporting");
        let id = first["exportId"].clone();
        let early = json!({ "exportId": id, "paginationOpts": { "numItems": 1 } });
        let refused = office.ask(&owner, "organizations:downloadExport", early).await;
        assert_eq!(refused.unwrap_err().tag, "export_running");
        office.app.run_jobs().await;
        let status = office.ask(&owner, "organizations:exportStatus", json!({ "exportId": id })).await.unwrap();
        assert_eq!((&status["status"], &status["tablesDone"]), (&json!("done"), &status["tables"]));

        let files = archive(&office, &owner, &id).await;
        let all: String = files.values().map(String::as_str).collect();
        for part in
            ["acme customer", "acme_staff@example.com", "late@acme.test", "Europe/Berlin", "imported@example.com"]
        {
            assert!(all.contains(part), "{part} is missing");
        }
        let hash = database_hash(&database, &key).await;
        for secret in [key.as_str(), hash.as_str(), other.as_str(), "other customer"] {
            assert!(!all.contains(secret), "{secret} is in it");
        }
        assert!(files["manifest.json"].contains(id.as_str().unwrap()));
        for (name, text) in &files {
            for line in text.lines() {
                serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
            }
        }

        let second = office.change(&owner, "organizations:delete", wish).await.unwrap();
        assert_eq!(second["status"], "closed");
        erased(&office).await;
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
    })
    .await;
}

#[tokio::test]
async fn an_archive_is_gone_after_a_week() {
    both(|database| async move {
        let office = office(&database).await;
        let (owner, _, _) = furnished(&office, "acme").await;
        let export = office.change(&owner, "organizations:export", json!({})).await.unwrap();
        office.app.run_jobs().await;
        let part = json!({ "exportId": export["_id"], "paginationOpts": { "numItems": 1 } });
        office.ask(&owner, "organizations:downloadExport", part.clone()).await.unwrap();
        let mut long = part.clone();
        long["paginationOpts"]["numItems"] = json!(1001);
        let refused = office.ask(&owner, "organizations:downloadExport", long).await.unwrap_err();
        assert_eq!(refused.tag, "page_size", "although each answer is one part");
        office.app.clock.advance(days(8));
        let late = office.ask(&owner, "organizations:downloadExport", part).await;
        assert_eq!(late.unwrap_err().tag, "export_not_found");
        assert_eq!(office.app.retain().await.get("organization-exports"), Some(&1));
        let left = office.ask(&owner, "organizations:exportStatus", json!({ "exportId": export["_id"] })).await;
        assert_eq!(left.unwrap_err().tag, "export_not_found");
    })
    .await;
}

/// The files of an archive, as a client puts it together.
async fn archive(office: &Office, owner: &Somebody, export: &Value) -> BTreeMap<String, String> {
    let (mut bytes, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let part = json!({ "exportId": export, "paginationOpts": { "numItems": 100, "cursor": cursor } });
        let part = office.ask(owner, "organizations:downloadExport", part).await.expect("the call succeeds");
        bytes
            .extend(BASE64.decode(part["text"].as_str().expect("a text").as_bytes()).expect("the archive is readable"));
        if part["isDone"] == true {
            break;
        }
        cursor = part["continueCursor"].clone();
    }
    let mut archive = tar::Archive::new(MultiGzDecoder::new(std::io::Cursor::new(bytes)));
    let files = archive.entries().expect("the archive is readable").map(|entry| {
        let mut entry = entry.expect("the archive is readable");
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("the archive is readable");
        (entry.path().expect("the archive is readable").display().to_string(), text)
    });
    files.collect()
}

/// What is kept of a key.
async fn database_hash(database: &TestDb, key: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    let hash = data_encoding::HEXLOWER.encode(digest.as_ref());
    let known = database.texts("select hash as t from api_key_hashes").await;
    assert!(known.contains(&hash), "the hash of a key is its SHA-256");
    hash
}

/// Keys are identities too.
#[tokio::test]
async fn a_key_of_an_owner_may_delete_its_organization() {
    both(|database| async move {
        let office = office(&database).await;
        let (_, acme, key) = furnished(&office, "acme").await;
        let identity = api_keys::identify(&office.app.db, &office.app.world, &key).await.unwrap();
        assert!(matches!(&identity, Identity::Key(_)));
        let who = office.operations.enter(identity, None, None).await.unwrap();
        let wish = json!({ "organizationId": acme });
        office.operations.mutation(&who, "organizations:delete", &wish, None).await.unwrap();
        erased(&office).await;
        assert_eq!(rows(&office, &acme).await, BTreeMap::new());
    })
    .await;
}
