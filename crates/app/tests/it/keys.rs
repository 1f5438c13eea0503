//! API keys, the audit log and settings, through the operations.

use std::sync::Arc;

use app::{Name, api_keys, organizations, users};
use engine::{Identity, Operations, Registry, Who, World};
use kernel::{Code, OrgId, Result, Scope};
use serde_json::{Value, json};
use testkit::{TestClock, TestDb, TestRandom, both, hours, minutes};

struct House {
    operations: Operations,
    clock: TestClock,
    acme: OrgId,
}

impl House {
    async fn new(database: &TestDb) -> Self {
        let clock = TestClock::new();
        let world = World::new(Arc::new(clock.clone()), Arc::new(TestRandom::new(7)));
        store::migrate(&database.db, &[engine::MIGRATIONS, app::MIGRATIONS], world.now())
            .await
            .expect("it works in this test");
        let mut registry = Registry::new();
        app::operations(&mut registry);
        let members = Arc::new(users::Members::new(world.clone()));
        let operations =
            Operations::new(registry.freeze().unwrap(), database.db.clone(), world.clone(), members, &[3; 32]);
        let operations = operations.audited(Arc::new(app::audit::Log));
        let acme = found(&operations, &world, "Acme").await;
        Self { operations, clock, acme }
    }

    fn clock_ms(&self) -> i64 {
        self.operations.world().now().ms()
    }

    async fn operator(&self) -> Who {
        let identity = Identity::Operator(self.acme.clone());
        self.operations.enter(identity, None, Some("192.0.2.7".to_owned())).await.expect("it works in this test")
    }

    async fn holder(&self, key: &str) -> Result<Who> {
        let identity = api_keys::identify(self.operations.db(), self.operations.world(), key).await?;
        self.operations.enter(identity, None, None).await
    }

    async fn ask(&self, key: &str, operation: &str) -> Result<Value> {
        let who = self.holder(key).await?;
        self.operations.query(&who, operation, json!({})).await
    }

    async fn make(&self, arguments: Value) -> (String, String) {
        let made = self
            .operations
            .mutation(&self.operator().await, "apiKeys:create", &arguments, None)
            .await
            .expect("it works in this test");
        (
            made.output["_id"].as_str().expect("it works in this test").to_owned(),
            made.output["key"].as_str().expect("it works in this test").to_owned(),
        )
    }

    async fn change(&self, operation: &str, arguments: Value) -> Result<Value> {
        Ok(self.operations.mutation(&self.operator().await, operation, &arguments, None).await?.output)
    }
}

async fn found(operations: &Operations, world: &World, name: &str) -> OrgId {
    let new = organizations::CreateOrganization {
        name: Name::parse(name).expect("it works in this test"),
        external_ids: Vec::new(),
    };
    organizations::create(operations.db(), world, new).await.expect("it works in this test").id
}

#[tokio::test]
async fn a_key_acts_in_its_organization_with_its_role_and_is_kept_nowhere() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (id, key) = house.make(json!({ "name": "CI", "role": "viewer" })).await;
        assert!(key.starts_with("sk_") && key.len() == 67);
        assert_eq!(house.ask(&key, "settings:get").await.unwrap()["timeZone"], "UTC");
        assert_eq!(house.ask(&key, "apiKeys:list").await.unwrap_err().code, Code::Forbidden);

        let listed = house.operations.query(&house.operator().await, "apiKeys:list", json!({})).await.unwrap();
        assert_eq!((&listed[0]["_id"], &listed[0]["hint"]), (&json!(id), &json!(key[63..])));
        assert_eq!(listed[0]["lastUsedAt"], house.clock_ms());
        assert!(!listed.to_string().contains(&key));
        for kept in [
            "select name || role || scopes || hash || hint as t from api_keys",
            "select hash || organization || api_key as t from api_key_hashes",
            "select operation || actor || arguments as t from audit_entries",
        ] {
            let kept = database.by_hand().await.texts(kept).await;
            assert!(kept.len() == 1 && !kept[0].contains(&key), "{kept:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_shown_once_also_to_whoever_asks_again_for_the_same_call() {
    both(|database| async move {
        let house = House::new(&database).await;
        let operator = house.operator().await;
        let replay = engine::Replay {
            session: "rest".to_owned(),
            request: "1".to_owned(),
            keep_until: house.operations.world().now() + hours(24),
        };
        let arguments = json!({ "name": "CI", "role": "viewer" });
        let make = || house.operations.mutation(&operator, "apiKeys:create", &arguments, Some(replay.clone()));
        let made = make().await.unwrap();
        assert_eq!(make().await.unwrap_err().tag, "answer_shown_once");
        let kept = database.by_hand().await.texts("select output as t from replays").await;
        assert_eq!((kept, made.output["key"].is_string()), (vec!["null".to_owned()], true));
        assert_eq!(database.number("select count(*) as n from api_key_hashes").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_revoked_or_expired_is_worth_nothing_at_once() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (id, key) = house.make(json!({ "name": "CI", "role": "admin" })).await;
        let who = house.holder(&key).await.unwrap();
        house.change("apiKeys:revoke", json!({ "apiKeyId": id })).await.unwrap();
        assert_eq!(house.holder(&key).await.unwrap_err().tag, "api_key_unknown");
        // Callers who were authenticated before are refused too.
        let late = house.operations.query(&who, "settings:get", json!({})).await;
        assert_eq!(late.unwrap_err().code, Code::Unauthenticated);

        let end = house.clock_ms() + 60_000;
        let (_, short) = house.make(json!({ "name": "short", "role": "admin", "expiresAt": end })).await;
        assert!(house.ask(&short, "settings:get").await.is_ok());
        house.clock.advance(minutes(2));
        assert_eq!(house.ask(&short, "settings:get").await.unwrap_err().code, Code::Unauthenticated);
        for wrong in ["", "sk_", "sk_00", &key[..66], &format!("{key}0"), &key.replace("sk_", "pk_")] {
            assert_eq!(house.ask(wrong, "settings:get").await.unwrap_err().code, Code::Unauthenticated, "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn while_a_key_is_rotated_both_are_good_until_the_grace_ends() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (id, first) = house.make(json!({ "name": "CI", "role": "admin" })).await;
        let rotate = json!({ "apiKeyId": id, "graceMs": 3_600_000 });
        let second = house.change("apiKeys:rotate", rotate.clone()).await.unwrap();
        let second = second["key"].as_str().unwrap().to_owned();
        assert!(house.ask(&first, "settings:get").await.is_ok() && house.ask(&second, "settings:get").await.is_ok());
        house.clock.advance(hours(2));
        assert_eq!(house.ask(&first, "settings:get").await.unwrap_err().code, Code::Unauthenticated);
        assert!(house.ask(&second, "settings:get").await.is_ok());

        // A second rotation keeps only the previous text valid.
        let third = house.change("apiKeys:rotate", rotate).await.unwrap();
        assert!(house.ask(&first, "settings:get").await.is_err() && house.ask(&second, "settings:get").await.is_ok());
        assert!(house.ask(third["key"].as_str().unwrap(), "settings:get").await.is_ok());
        house.change("apiKeys:revoke", json!({ "apiKeyId": id })).await.unwrap();
        for key in [&second, third["key"].as_str().unwrap()] {
            assert!(house.ask(key, "settings:get").await.is_err());
        }
        let again = house.change("apiKeys:rotate", json!({ "apiKeyId": id })).await.unwrap_err();
        assert_eq!(again.tag, "api_key_revoked");
    })
    .await;
}

#[tokio::test]
async fn a_key_calls_only_what_it_was_made_for() {
    both(|database| async move {
        let house = House::new(&database).await;
        let arguments = json!({ "name": "narrow", "role": "admin", "scopes": ["apiKeys:*", "audit:page"] });
        let (_, key) = house.make(arguments).await;
        assert!(house.ask(&key, "apiKeys:list").await.is_ok());
        assert_eq!(house.ask(&key, "settings:get").await.unwrap_err().tag, "scope_missing");
        let wrong =
            house.change("apiKeys:create", json!({ "name": "x", "role": "admin", "scopes": ["everything"] })).await;
        assert_eq!(wrong.unwrap_err().tag, "scopes_invalid");
        let (narrow, above) = (house.holder(&key).await.unwrap(), json!({ "name": "above", "role": "owner" }));
        let refused = house.operations.mutation(&narrow, "apiKeys:create", &above, None).await;
        assert_eq!(refused.unwrap_err().code, Code::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_organization_does_not_exist() {
    both(|database| async move {
        let house = House::new(&database).await;
        let (id, _) = house.make(json!({ "name": "CI", "role": "admin" })).await;
        let other = found(&house.operations, house.operations.world(), "Other").await;
        let eve = house.operations.enter(Identity::Operator(other), None, None).await.unwrap();
        for operation in ["apiKeys:rotate", "apiKeys:revoke"] {
            let refused = house.operations.mutation(&eve, operation, &json!({ "apiKeyId": id }), None).await;
            assert_eq!(refused.unwrap_err().code, Code::NotFound, "{operation}");
        }
        assert_eq!(house.operations.query(&eve, "apiKeys:list", json!({})).await.unwrap(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn every_mutation_is_a_line_of_the_audit_log_and_nothing_changes_one() {
    both(|database| async move {
        let house = House::new(&database).await;
        house.clock.advance(minutes(1));
        let (id, key) = house.make(json!({ "name": "CI", "role": "admin" })).await;
        house.clock.advance(minutes(1));
        let by_key = house.holder(&key).await.unwrap();
        let zone = json!({ "timeZone": "Europe/Berlin" });
        house.operations.mutation(&by_key, "settings:update", &zone, None).await.unwrap();
        house.change("settings:update", json!({ "timeZone": "Mars/Olympus" })).await.unwrap_err();

        let page = json!({ "paginationOpts": { "numItems": 10 } });
        let log = house.operations.query(&house.operator().await, "audit:page", page).await.unwrap();
        let lines: Vec<_> =
            log["page"].as_array().unwrap().iter().map(|line| line["operation"].as_str().unwrap()).collect();
        assert_eq!(lines, ["settings:update", "apiKeys:create"]);
        let (update, create) = (&log["page"][0], &log["page"][1]);
        assert_eq!((&update["means"], &update["actor"]), (&json!("key"), &json!(id)));
        assert_eq!(update["arguments"], r#"{"timeZone":"Europe/Berlin"}"#);
        assert_eq!(
            (&create["means"], &create["subject"], &create["origin"]),
            (&json!("operator"), &json!(id), &json!("192.0.2.7"))
        );

        let export = |format: &str| json!({ "format": format, "paginationOpts": { "numItems": 10 } });
        let csv = house.operations.query(&house.operator().await, "audit:export", export("csv")).await.unwrap();
        assert_eq!(csv["text"].as_str().unwrap().lines().count(), 3);
        let lines = house.operations.query(&house.operator().await, "audit:export", export("jsonl")).await.unwrap();
        for line in lines["text"].as_str().unwrap().lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap()["operation"].is_string());
        }
        for change in ["update audit_entries set actor = 'me'", "delete from audit_entries"] {
            let write = store::work(move |tx| Box::pin(tx.system(change).execute()));
            assert!(database.db.write(&Scope::System, write).await.is_err(), "{change}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_keep_what_nobody_changed() {
    both(|database| async move {
        let house = House::new(&database).await;
        house.change("settings:update", json!({ "timeZone": "Europe/Berlin" })).await.unwrap();
        let after = house.change("settings:update", json!({ "locale": "de" })).await.unwrap();
        assert_eq!(after, json!({ "timeZone": "Europe/Berlin", "locale": "de", "weekStartsOn": 1 }));
        let wrong = house.change("settings:update", json!({ "weekStartsOn": 9 })).await.unwrap_err();
        assert_eq!((wrong.code, wrong.tag), (Code::BadRequest, "settings_invalid"));
        let read = house.operations.query(&house.operator().await, "settings:get", json!({})).await.unwrap();
        assert_eq!(read, after);
    })
    .await;
}
