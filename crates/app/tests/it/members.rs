//! Members: how people become members, what their roles allow, how they leave and return, and impersonation.

use engine::Identity;
use kernel::{Code, Scope};
use serde_json::{Value, json};
use testkit::{both, hours, minutes};

use crate::people::{Office, code, fields, tag};

#[tokio::test]
async fn whoever_creates_an_organization_owns_it() {
    both(|database| async move {
        let office = Office::open(&database).await;
        let ada = office.somebody("ada");
        let stranger = json!({ "hasOrg": false, "isAuthenticated": true });
        assert_eq!(office.ask(&ada, "organizations:has", json!({})).await.unwrap(), stranger);
        assert_eq!(office.ask(&ada, "organizations:getMine", json!({})).await.unwrap(), Value::Null);
        assert_eq!(office.ask(&ada, "users:me", json!({})).await.unwrap(), Value::Null);
        let synced = office.sync(&ada).await.unwrap();
        assert_eq!(synced, json!({ "synced": true, "hasOrg": false }));

        let new = json!({ "name": "Acme", "billingEmail": "bills@acme.example" });
        let acme = office.change(&ada, "organizations:create", new).await.unwrap();
        assert_eq!(
            fields(&acme),
            [
                "_creationTime",
                "_id",
                "billingEmail",
                "createdAt",
                "externalIds",
                "maxClients",
                "maxCustomers",
                "maxStaff",
                "name",
                "updatedAt"
            ]
        );
        assert_eq!((&acme["maxCustomers"], &acme["maxStaff"], &acme["maxClients"]), (&json!(3), &json!(2), &json!(10)));
        assert_eq!(office.ask(&ada, "organizations:getMine", json!({})).await.unwrap(), acme);
        let me = office.ask(&ada, "users:me", json!({})).await.unwrap();
        assert_eq!(
            fields(&me),
            ["_creationTime", "_id", "createdAt", "email", "firstName", "orgId", "role", "updatedAt"]
        );
        assert_eq!((&me["role"], &me["orgId"]), (&json!("owner"), &acme["_id"]));
        let has = office.ask(&ada, "organizations:has", json!({})).await.unwrap();
        let expected = json!({ "hasOrg": true, "isAuthenticated": true, "role": "owner", "userId": me["_id"] });
        assert_eq!(has, expected);
        let synced = office.sync(&ada).await.unwrap();
        assert_eq!(synced, json!({ "synced": true, "hasOrg": true, "orgId": acme["_id"], "role": "owner" }));
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_anything_but_that_they_are_nobody() {
    both(|database| async move {
        let (office, _) = Office::with_owner(&database).await;
        let nobody = office.operations.enter(Identity::Anonymous, None, None).await.unwrap();
        let ask = async |operation: &str| office.operations.query(&nobody, operation, json!({})).await;
        let has = json!({ "hasOrg": false, "isAuthenticated": false });
        assert_eq!(ask("organizations:has").await.unwrap(), has);
        for silent in ["organizations:getMine", "users:me", "users:impersonationStatus"] {
            assert_eq!(ask(silent).await.unwrap(), Value::Null);
        }
        for refused in ["customers:list", "users:listMembers", "invitations:listPending", "billing:info"] {
            assert_eq!(code(ask(refused).await), Code::Unauthenticated, "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn somebody_in_several_organizations_chooses_one() {
    both(|database| async move {
        let (office, ada) = Office::with_owner(&database).await;
        let acme = office.organization(&ada).await;
        let again = office.change(&ada, "organizations:create", json!({ "name": "Bolt" })).await;
        assert_eq!(tag(again), "organization_entered");
        office.app.clock.advance(minutes(1));
        let bolt =
            office.change_in(&ada, Some("none"), "organizations:create", json!({ "name": "Bolt" })).await.unwrap();

        assert_eq!(office.organization(&ada).await.as_str(), bolt["_id"], "the one that they joined last");
        let chosen = office.enter(&ada, Some(acme.as_str())).await.unwrap();
        assert_eq!(chosen.organization, Some(acme.clone()));
        let mut claimed = ada.clone();
        claimed.claims.organization = Some(acme.to_string());
        assert_eq!(office.organization(&claimed).await, acme);
        let eve = office.somebody("eve");
        for wish in [acme.as_str(), "org_unknown"] {
            assert_eq!(office.enter(&eve, Some(wish)).await.unwrap_err().tag, "organization_not_yours");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_with_an_organization_and_a_role_makes_a_member() {
    both(|database| async move {
        let office = Office::open(&database).await;
        office.plan(json!({ "maxStaff": 3 })).await;
        let token = |name: &str, role: &str| {
            let mut somebody = office.somebody(name);
            somebody.claims.organization = Some("org_workos_1".to_owned());
            somebody.claims.role = Some(role.to_owned());
            somebody
        };
        let (boss, staff) = (token("boss", "admin"), token("staff", "member"));
        assert_eq!(office.sync(&staff).await.unwrap()["hasOrg"], false, "nobody here knows the organization");
        let acme = office.change(&boss, "organizations:create", json!({ "name": "Acme" })).await.unwrap();
        let known = json!([{ "provider": "https://issuer.test", "id": "org_workos_1" }]);
        assert_eq!(acme["externalIds"], known, "its creator's issuer has a name for it");

        let synced = office.sync(&staff).await.unwrap();
        assert_eq!(synced, json!({ "synced": true, "hasOrg": true, "orgId": acme["_id"], "role": "staff" }));
        office.change(&boss, "users:remove", json!({ "userId": office.id(&staff).await })).await.unwrap();
        assert_eq!(office.sync(&staff).await.unwrap()["hasOrg"], false, "that they were removed was decided here");
        assert_eq!(office.sync(&token("client", "client")).await.unwrap()["hasOrg"], false, "whose client?");
    })
    .await;
}

#[tokio::test]
async fn a_profile_follows_its_token() {
    both(|database| async move {
        let (office, mut ada) = Office::with_owner(&database).await;
        ada.claims.last_name = Some("Lovelace".to_owned());
        ada.claims.picture = Some("javascript:alert(1)".to_owned());
        office.sync(&ada).await.unwrap();
        let me = office.ask(&ada, "users:me", json!({})).await.unwrap();
        assert_eq!((&me["lastName"], me.get("profilePictureUrl")), (&json!("Lovelace"), None));
    })
    .await;
}

#[tokio::test]
async fn a_member_who_is_removed_is_nobody_until_they_are_restored() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let user = json!({ "userId": office.id(&staff).await });
        let assignment = json!({ "customerId": acme["_id"], "userId": user["userId"] });
        office.change(&owner, "assignments:assign", assignment).await.unwrap();
        let open = office.enter(&staff, None).await.unwrap();

        let removed = office.change(&owner, "users:remove", user.clone()).await.unwrap();
        assert_eq!((&removed["role"], removed.get("orgId")), (&json!("staff"), None));
        let gone = office.operations.query(&open, "customers:list", json!({})).await.unwrap_err();
        assert_eq!((gone.code, gone.tag), (Code::Unauthenticated, "member_removed"));
        assert_eq!(code(office.ask(&staff, "customers:list", json!({})).await), Code::Forbidden);
        assert_eq!(tag(office.change(&owner, "users:remove", user.clone()).await), "member_not_found");

        let members = office.ask(&owner, "users:listMembers", json!({})).await.unwrap();
        let seen: Vec<_> =
            members.as_array().unwrap().iter().map(|one| (&one["displayName"], &one["status"])).collect();
        assert_eq!(seen, [(&json!("owner"), &json!("active")), (&json!("staff"), &json!("removed"))]);
        assert!(members[1]["deletedAt"].is_number() && members[0].get("deletedAt").is_none());

        office.change(&owner, "users:restore", user.clone()).await.unwrap();
        assert!(office.customers(&staff).await.is_empty(), "they are back, and look after nobody yet");
        assert_eq!(tag(office.change(&owner, "users:restore", user).await), "member_active");
    })
    .await;
}

#[tokio::test]
async fn there_is_always_an_owner_and_only_owners_touch_owners() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let admin = office.member(&owner, "admin", "admin", None).await;
        let (owner_id, admin_id) = (office.id(&owner).await, office.id(&admin).await);
        let becomes = |user: &Value, role: &str| json!({ "userId": user, "role": role });
        assert_eq!(tag(office.change(&owner, "users:remove", json!({ "userId": owner_id })).await), "last_owner");
        assert_eq!(tag(office.change(&owner, "users:changeRole", becomes(&owner_id, "admin")).await), "last_owner");
        assert_eq!(tag(office.change(&admin, "users:remove", json!({ "userId": owner_id })).await), "owner_needed");
        assert_eq!(tag(office.change(&admin, "users:changeRole", becomes(&owner_id, "staff")).await), "owner_needed");
        assert_eq!(tag(office.change(&admin, "users:changeRole", becomes(&admin_id, "owner")).await), "owner_needed");
        office.change(&owner, "users:changeRole", becomes(&admin_id, "owner")).await.unwrap();
        office.change(&admin, "users:remove", json!({ "userId": owner_id })).await.unwrap();
        assert_eq!(tag(office.change(&admin, "users:remove", json!({ "userId": admin_id })).await), "last_owner");
    })
    .await;
}

#[tokio::test]
async fn a_client_has_a_customer_and_nobody_else_has_one() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let staff = office.member(&owner, "staff", "agent", None).await;
        let user = office.id(&staff).await;
        let change = |role: &str, customer: Option<&Value>| {
            let mut change = json!({ "userId": user, "role": role });
            if let Some(customer) = customer {
                change["customerId"] = customer.clone();
            }
            change
        };
        let refused = office.change(&owner, "users:changeRole", change("client", None)).await;
        assert_eq!(tag(refused), "customer_needed");
        let refused = office.change(&owner, "users:changeRole", change("viewer", Some(&acme["_id"]))).await;
        assert_eq!(tag(refused), "customer_unneeded");
        office.change(&owner, "users:changeRole", change("client", Some(&acme["_id"]))).await.unwrap();
        assert_eq!(office.customers(&staff).await, ["Acme"]);
        let members = office.ask(&owner, "users:listMembers", json!({})).await.unwrap();
        assert_eq!((&members[1]["customerName"], &members[1]["customerId"]), (&json!("Acme"), &acme["_id"]));
        let options = json!({ "numItems": 1, "cursor": null });
        let page = office.ask(&owner, "users:page", json!({ "paginationOpts": options })).await.unwrap();
        assert_eq!((&page["page"][0], &page["isDone"]), (&members[0], &json!(false)));
    })
    .await;
}

#[tokio::test]
async fn an_admin_acts_as_somebody_else_with_their_rights_for_an_hour() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        office.customer(&owner, "Bolt").await;
        let admin = office.member(&owner, "admin", "admin", None).await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        let as_client = json!({ "userId": office.id(&client).await });
        let status = async || office.ask(&admin, "users:impersonationStatus", json!({})).await.unwrap();
        assert_eq!(status().await, Value::Null);

        office.change(&admin, "users:startImpersonating", as_client.clone()).await.unwrap();
        assert_eq!(status().await["email"], "client@example.com");
        assert_eq!(office.customers(&admin).await, ["Acme"]);
        assert_eq!(code(office.change(&admin, "customers:create", json!({ "name": "X" })).await), Code::Forbidden);
        assert_eq!(office.customers(&owner).await, ["Acme", "Bolt"], "it is theirs alone");
        let stopped = office.change(&admin, "users:stopImpersonating", json!({})).await.unwrap();
        assert_eq!((stopped, status().await), (json!({ "stopped": true }), Value::Null));

        office.change(&admin, "users:startImpersonating", as_client).await.unwrap();
        office.app.clock.advance(hours(1));
        assert_eq!(office.customers(&admin).await, ["Acme", "Bolt"], "the hour is over");
        office.app.run_jobs().await;
        let scope = Scope::Organization(office.organization(&owner).await);
        let left = office.app.db.read(&scope, |tx| {
            Box::pin(async move {
                let row = tx.query("select count(*) as n from impersonations where org_id = $1").row().await?;
                row.map(|row| row.int("n")).transpose()
            })
        });
        assert_eq!(left.await.unwrap(), Some(0), "and open live queries were told");
    })
    .await;
}

#[tokio::test]
async fn nobody_acts_as_those_above_them_or_twice_at_once() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let admin = office.member(&owner, "admin", "admin", None).await;
        let other = office.member(&owner, "other", "admin", None).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let act_as = async |own, target| {
            let target = json!({ "userId": office.id(target).await });
            office.change(own, "users:startImpersonating", target).await
        };
        assert_eq!(tag(act_as(&admin, &owner).await), "impersonation_of_owner");
        assert_eq!(tag(act_as(&admin, &admin).await), "impersonation_of_self");
        assert_eq!(code(act_as(&staff, &other).await), Code::Forbidden);
        act_as(&admin, &other).await.unwrap();
        assert_eq!(tag(act_as(&admin, &staff).await), "impersonation_nested");

        let eve = office.somebody("eve");
        office.change(&eve, "organizations:create", json!({ "name": "Evil" })).await.unwrap();
        assert_eq!(tag(act_as(&eve, &staff).await), "member_not_found");

        // The conditions must still hold: a member who is an owner by now, or was removed, cannot be impersonated.
        let promoted = json!({ "userId": office.id(&other).await, "role": "owner" });
        office.change(&owner, "users:changeRole", promoted).await.unwrap();
        assert_eq!(office.ask(&admin, "users:impersonationStatus", json!({})).await.unwrap(), Value::Null);
    })
    .await;
}

#[tokio::test]
async fn an_organization_is_changed_by_those_who_run_it() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let change = json!({ "name": "Acme Ltd", "billingEmail": "bills@acme.example" });
        assert_eq!(code(office.change(&staff, "organizations:update", change.clone()).await), Code::Forbidden);
        let changed = office.change(&owner, "organizations:update", change).await.unwrap();
        assert_eq!((&changed["name"], &changed["billingEmail"]), (&json!("Acme Ltd"), &json!("bills@acme.example")));
        let cleared = office.change(&owner, "organizations:update", json!({ "billingEmail": null })).await.unwrap();
        assert_eq!((&cleared["name"], cleared.get("billingEmail")), (&json!("Acme Ltd"), None));
    })
    .await;
}
