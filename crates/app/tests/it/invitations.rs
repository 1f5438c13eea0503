//! Invitations: sending, accepting, and their expiry.

use kernel::Code;
use serde_json::json;
use testkit::{both, days};

use crate::people::{Office, code, fields, tag, text};

#[tokio::test]
async fn whoever_was_invited_comes_in_as_what_they_were_invited_as() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let invitation = json!({ "email": "Grace@Example.com", "role": "client", "customerId": acme["_id"] });
        let sent = office.change(&owner, "invitations:send", invitation).await.unwrap();
        assert_eq!(fields(&sent), ["invitationId"]);
        let pending = office.ask(&owner, "invitations:listPending", json!({})).await.unwrap();
        assert_eq!(
            fields(&pending[0]),
            [
                "_creationTime",
                "_id",
                "createdAt",
                "customerId",
                "customerName",
                "email",
                "expiresAt",
                "inviterUserId",
                "orgId",
                "role"
            ]
        );
        assert_eq!((&pending[0]["_id"], &pending[0]["customerName"]), (&sent["invitationId"], &json!("Acme")));
        let counts = office.ask(&owner, "users:memberCounts", json!({})).await.unwrap();
        assert_eq!(counts, json!({ "staffCount": 1, "clientCount": 0, "pendingCount": 1, "totalActive": 1 }));
        office.app.run_jobs().await;
        assert_eq!(office.sent.to(), ["grace@example.com"]);

        let grace = office.somebody("grace");
        let synced = office.sync(&grace).await.unwrap();
        assert_eq!((&synced["hasOrg"], &synced["role"]), (&json!(true), &json!("client")));
        assert_eq!(office.customers(&grace).await, ["Acme"]);
        assert_eq!(office.ask(&owner, "invitations:listPending", json!({})).await.unwrap(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn nobody_is_invited_twice_or_as_what_they_cannot_be() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let acme = office.customer(&owner, "Acme").await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let send = async |invitation| office.change(&owner, "invitations:send", invitation).await;
        send(json!({ "email": "new@example.com", "role": "viewer" })).await.unwrap();
        for (invitation, refused) in [
            (json!({ "email": "NEW@example.com", "role": "staff" }), "invitation_pending"),
            (json!({ "email": "staff@example.com", "role": "staff" }), "already_member"),
            (json!({ "email": "a@example.com", "role": "owner" }), "role_not_invitable"),
            (json!({ "email": "a@example.com", "role": "client" }), "customer_needed"),
            (json!({ "email": "a@example.com", "role": "staff", "customerId": acme["_id"] }), "customer_unneeded"),
            (json!({ "email": "nowhere", "role": "staff" }), "arguments_invalid"),
        ] {
            assert_eq!(tag(send(invitation).await), refused);
        }
        let invitation = json!({ "email": "b@example.com", "role": "staff" });
        assert_eq!(code(office.change(&staff, "invitations:send", invitation).await), Code::Forbidden);
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_open_for_seven_days_and_again_when_it_is_sent_again() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let invitation = json!({ "email": "late@example.com", "role": "staff" });
        let sent = office.change(&owner, "invitations:send", invitation.clone()).await.unwrap();
        let late = office.somebody("late");
        office.app.clock.advance(days(7));
        assert_eq!(tag(office.change(&late, "invitations:accept", json!({})).await), "invitation_not_found");
        assert_eq!(office.sync(&late).await.unwrap()["hasOrg"], false);
        assert_eq!(office.ask(&owner, "invitations:listPending", json!({})).await.unwrap(), json!([]));

        office.change(&owner, "invitations:resend", sent.clone()).await.unwrap();
        office.app.clock.advance(days(6));
        office.app.run_jobs().await;
        assert_eq!(office.sent.to(), ["late@example.com", "late@example.com"]);
        office.app.clock.advance(days(1));
        let anew = office.change(&owner, "invitations:send", invitation).await.unwrap();
        assert_ne!(anew, sent, "an invitation that has expired is no obstacle");
        let joined = office.change(&late, "invitations:accept", anew).await.unwrap();
        assert_eq!(joined["role"], "staff");
    })
    .await;
}

#[tokio::test]
async fn an_invitation_is_for_whoever_has_the_address() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let invitation = json!({ "email": "grace@example.com", "role": "admin" });
        let sent = office.change(&owner, "invitations:send", invitation).await.unwrap();
        let eve = office.somebody("eve");
        assert_eq!(tag(office.change(&eve, "invitations:accept", sent.clone()).await), "invitation_not_found");
        let mut unproven = office.somebody("grace");
        unproven.claims.email = None;
        assert_eq!(tag(office.change(&unproven, "invitations:accept", sent.clone()).await), "invitation_not_found");

        // Another organization neither sends nor revokes it.
        office.change(&eve, "organizations:create", json!({ "name": "Evil" })).await.unwrap();
        for operation in ["invitations:resend", "invitations:revoke"] {
            assert_eq!(tag(office.change(&eve, operation, sent.clone()).await), "invitation_not_found");
        }
        office.change(&owner, "invitations:revoke", sent.clone()).await.unwrap();
        office.app.run_jobs().await;
        assert!(office.sent.to().is_empty(), "what was revoked is not sent");
        assert_eq!(tag(office.change(&owner, "invitations:revoke", sent).await), "invitation_not_found");
    })
    .await;
}

#[tokio::test]
async fn somebody_of_one_organization_accepts_the_invitation_of_another() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let eve = office.somebody("eve");
        office.change(&eve, "organizations:create", json!({ "name": "Evil" })).await.unwrap();
        office.app.clock.advance(days(1));
        let invitation = json!({ "email": "eve@example.com", "role": "viewer" });
        let sent = office.change(&owner, "invitations:send", invitation).await.unwrap();
        assert_eq!(tag(office.change(&eve, "invitations:accept", sent.clone()).await), "organization_entered");
        let joined = office.change_in(&eve, Some("none"), "invitations:accept", sent).await.unwrap();
        assert_eq!(
            (text(&joined["orgId"]), joined["role"].as_str()),
            (office.organization(&owner).await.to_string(), Some("viewer"))
        );
        assert_eq!(office.organization(&eve).await, office.organization(&owner).await, "the one joined last");
    })
    .await;
}

#[tokio::test]
async fn whoever_was_removed_comes_back_as_what_they_are_invited_as() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let grace = office.member(&owner, "grace", "admin", None).await;
        office.change(&owner, "users:remove", json!({ "userId": office.id(&grace).await })).await.unwrap();
        let again = office.member(&owner, "grace", "viewer", None).await;
        assert_eq!(office.ask(&again, "users:me", json!({})).await.unwrap()["role"], "viewer");
        let counts = office.ask(&owner, "users:memberCounts", json!({})).await.unwrap();
        assert_eq!(counts, json!({ "staffCount": 2, "clientCount": 0, "pendingCount": 0, "totalActive": 2 }));
    })
    .await;
}
