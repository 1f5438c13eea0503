//! Customers: which callers see, change and create them.

use kernel::Code;
use serde_json::{Value, json};
use testkit::{both, milliseconds};

use crate::people::{Office, code, fields, tag, text};

#[tokio::test]
async fn everybody_sees_the_customers_that_their_role_shows_them() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let (acme, _) = (office.customer(&owner, "Acme").await, office.customer(&owner, "Bolt").await);
        let admin = office.member(&owner, "admin", "admin", None).await;
        let viewer = office.member(&owner, "viewer", "viewer", None).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        for everything in [&owner, &admin, &viewer] {
            assert_eq!(office.customers(everything).await, ["Acme", "Bolt"]);
        }
        assert_eq!(office.customers(&client).await, ["Acme"]);
        assert!(office.customers(&staff).await.is_empty());

        let assignment = json!({ "customerId": acme["_id"], "userId": office.id(&staff).await });
        office.change(&admin, "assignments:assign", assignment.clone()).await.unwrap();
        assert_eq!(office.customers(&staff).await, ["Acme"]);
        office.change(&admin, "assignments:unassign", assignment).await.unwrap();
        assert!(office.customers(&staff).await.is_empty());
        assert_eq!(
            tag(office.ask(&staff, "customers:get", json!({ "customerId": acme["_id"] })).await),
            "customer_not_found"
        );
    })
    .await;
}

#[tokio::test]
async fn what_somebody_may_not_change_stays_as_it_is() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let viewer = office.member(&owner, "viewer", "viewer", None).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        let change = json!({ "customerId": acme["_id"], "name": "Changed" });
        for somebody in [&viewer, &client] {
            assert_eq!(code(office.change(somebody, "customers:update", change.clone()).await), Code::Forbidden);
            assert_eq!(
                code(office.change(somebody, "customers:create", json!({ "name": "X" })).await),
                Code::Forbidden
            );
        }
        assert_eq!(code(office.change(&staff, "customers:update", change).await), Code::NotFound, "it is not assigned");
        let delete = json!({ "customerId": acme["_id"] });
        assert_eq!(code(office.change(&staff, "customers:delete", delete).await), Code::Forbidden);
        assert_eq!(office.customers(&owner).await, ["Acme"]);
    })
    .await;
}

#[tokio::test]
async fn a_staff_member_who_creates_a_customer_is_assigned_to_it() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let bolt = office.customer(&staff, "Bolt").await;
        assert_eq!(office.customers(&staff).await, ["Bolt"]);
        let listed =
            office.ask(&staff, "assignments:listAssigned", json!({ "customerId": bolt["_id"] })).await.unwrap();
        assert_eq!((&listed[0]["_id"], &listed[0]["email"]), (&office.id(&staff).await, &json!("staff@example.com")));
        assert_eq!(fields(&listed[0]), ["_id", "assignmentId", "email", "firstName"]);
        let free = office.ask(&owner, "assignments:listAvailable", json!({ "customerId": bolt["_id"] })).await.unwrap();
        assert_eq!(free, json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_change_leaves_alone_what_it_does_not_mention() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let new = json!({ "name": " Acme ", "email": "hello@acme.example", "notes": "VIP" });
        let acme = office.change(&owner, "customers:create", new).await.unwrap();
        assert_eq!(
            fields(&acme),
            ["_creationTime", "_id", "createdAt", "email", "name", "notes", "orgId", "updatedAt"]
        );
        assert_eq!(acme["name"], "Acme");
        office.app.clock.advance(milliseconds(5));
        let change = json!({ "customerId": acme["_id"], "name": "Acme Ltd", "notes": null });
        let changed = office.change(&owner, "customers:update", change).await.unwrap();
        assert_eq!((&changed["name"], &changed["email"]), (&json!("Acme Ltd"), &json!("hello@acme.example")));
        assert!(changed.get("notes").is_none() && changed["updatedAt"] != changed["createdAt"]);
        let got = office.ask(&owner, "customers:get", json!({ "customerId": acme["_id"] })).await.unwrap();
        assert_eq!(got, changed);
    })
    .await;
}

#[tokio::test]
async fn fields_that_no_customer_can_have_are_refused_with_the_reason() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        for (wrong, part) in [
            (json!({ "name": "" }), "1 to 200 characters"),
            (json!({ "name": "x".repeat(201) }), "1 to 200 characters"),
            (json!({ "name": "Acme", "email": "acme" }), "looks like"),
            (json!({ "name": "Acme", "notes": "x".repeat(10_001) }), "10000 characters"),
            (json!({ "name": "Acme", "orgId": "org_x" }), "no argument \"orgId\""),
        ] {
            let error = office.change(&owner, "customers:create", wrong).await.unwrap_err();
            assert!(error.code == Code::BadRequest && error.message.contains(part), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_shows_what_a_search_finds_newest_first() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        for name in ["Ärzte 100%", "Bolt", "Acme One", "ACME Two"] {
            office.app.clock.advance(milliseconds(1));
            office.customer(&owner, name).await;
        }
        let page = async |search: &str, items: u32, cursor: Option<&Value>| {
            let options = json!({ "numItems": items, "cursor": cursor });
            let asked = json!({ "paginationOpts": options, "search": search });
            office.ask(&owner, "customers:page", asked).await.unwrap()
        };
        let names =
            |page: &Value| page["page"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect::<Vec<_>>();
        let first = page("", 3, None).await;
        assert_eq!(names(&first), ["ACME Two", "Acme One", "Bolt"]);
        assert_eq!(names(&page("", 3, Some(&first["continueCursor"])).await), ["Ärzte 100%"]);
        assert_eq!(names(&page("acme", 10, None).await), ["ACME Two", "Acme One"]);
        assert_eq!(names(&page("äRZTE", 10, None).await), ["Ärzte 100%"]);
        assert_eq!(names(&page("%", 10, None).await), ["Ärzte 100%"]);
        assert!(names(&page("_", 10, None).await).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_customer_that_somebody_depends_on_is_not_deleted() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        let invitation = json!({ "email": "more@example.com", "role": "client", "customerId": acme["_id"] });
        let invited = office.change(&owner, "invitations:send", invitation).await.unwrap();
        let delete = json!({ "customerId": acme["_id"] });
        let error = office.change(&owner, "customers:delete", delete.clone()).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::Conflict, "customer_in_use"));
        assert!(error.message.contains("1 active client and 1 pending client invitation"), "{error}");

        office.change(&owner, "users:remove", json!({ "userId": office.id(&client).await })).await.unwrap();
        office.change(&owner, "invitations:revoke", invited).await.unwrap();
        office.change(&owner, "customers:delete", delete).await.unwrap();
        assert!(office.customers(&owner).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_client_knows_their_company_and_who_looks_after_it() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let acme = office.customer(&staff, "Acme").await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        assert_eq!(office.ask(&client, "customers:getMine", json!({})).await.unwrap(), acme);
        assert_eq!(office.ask(&owner, "customers:getMine", json!({})).await.unwrap(), Value::Null);
        let staff_of = office.ask(&client, "customers:myAssignedStaff", json!({})).await.unwrap();
        let expected = json!([{ "_id": office.id(&staff).await, "firstName": "staff", "email": "staff@example.com" }]);
        assert_eq!(staff_of, expected);
    })
    .await;
}

#[tokio::test]
async fn the_customer_of_another_organization_does_not_exist() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let eve = office.somebody("eve");
        office.change(&eve, "organizations:create", json!({ "name": "Evil" })).await.unwrap();
        let foreign = json!({ "customerId": acme["_id"] });
        assert_eq!(tag(office.ask(&eve, "customers:get", foreign.clone()).await), "customer_not_found");
        assert_eq!(tag(office.change(&eve, "customers:update", foreign.clone()).await), "customer_not_found");
        assert_eq!(tag(office.change(&eve, "customers:delete", foreign.clone()).await), "customer_not_found");
        assert_eq!(tag(office.ask(&eve, "assignments:listAssigned", foreign).await), "customer_not_found");
        let assignment = json!({ "customerId": acme["_id"], "userId": office.id(&eve).await });
        assert_eq!(tag(office.change(&eve, "assignments:assign", assignment).await), "customer_not_found");
        let invitation = json!({ "email": "x@example.com", "role": "client", "customerId": acme["_id"] });
        assert_eq!(tag(office.change(&eve, "invitations:send", invitation).await), "customer_not_found");
        let unknown = engine::CustomerId::parse("cus_01kaj3v0q8e5hbm9x2w7c4d6f0").unwrap();
        let asked = office.ask(&eve, "customers:get", json!({ "customerId": unknown })).await;
        assert_eq!(tag(asked), "customer_not_found");
        assert_eq!(
            tag(office
                .change_in(
                    &eve,
                    Some(office.organization(&owner).await.as_str()),
                    "customers:create",
                    json!({ "name": "X" })
                )
                .await),
            "organization_not_yours"
        );
        assert_eq!(office.customers(&owner).await, ["Acme"]);
    })
    .await;
}

#[tokio::test]
async fn of_fifty_who_want_the_last_place_one_gets_it() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        office.plan(json!({ "maxCustomers": 3 })).await;
        office.customer(&owner, "One").await;
        office.customer(&owner, "Two").await;
        let usage = office.ask(&owner, "customers:usage", json!({})).await.unwrap();
        assert_eq!(usage, json!({ "count": 2, "max": 3, "remaining": 1, "atLimit": false }));
        let who = office.enter(&owner, None).await.unwrap();
        let attempts = (0..50).map(|n| {
            let (operations, who) = (office.operations.clone(), who.clone());
            tokio::spawn(async move {
                let new = json!({ "name": format!("Customer {n}") });
                operations.mutation(&who, "customers:create", &new, None).await.map(drop)
            })
        });
        let attempts: Vec<_> = attempts.collect();
        let mut made = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(()) => made += 1,
                Err(error) => assert_eq!((error.code, error.tag), (Code::LimitReached, "customer_limit_reached")),
            }
        }
        assert_eq!(made, 1);
        assert_eq!(office.customers(&owner).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_is_too_long_names_the_operation_that_shows_it_in_parts() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        office.plan(json!({ "maxCustomers": 5000 })).await;
        let (scope, world) = (office.organization(&owner).await.into(), office.app.world.clone());
        let write = store::work(move |tx| {
            let world = world.clone();
            Box::pin(async move {
                for _ in 0..1001 {
                    tx.query(
                        "insert into customers (org_id, id, name, searched, created_ms, updated_ms)
                         values ($1, $2, 'Acme', 'acme', 0, 0)",
                    )
                    .bind(&world.new_id::<engine::CustomerPrefix>())
                    .execute()
                    .await?;
                }
                Ok(())
            })
        });
        office.app.db.write(&scope, write).await.unwrap();
        let error = office.ask(&owner, "customers:list", json!({})).await.unwrap_err();
        assert_eq!((error.code, error.tag), (Code::BadRequest, "list_too_long"));
        assert!(error.message.contains("customers:page"), "{error}");
    })
    .await;
}
