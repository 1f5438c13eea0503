//! Whose answers are the same: those share one subscription.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::operation::{Caller, Identity, canonical};

/// Names a viewer by the credentials that they showed. A token that only refreshes another one names the same.
pub(super) fn credentials(identity: &Identity) -> Arc<str> {
    let named = match identity {
        Identity::Token(claims) => {
            let mut lasting = claims.all.clone();
            lasting.retain(|name, _| !matches!(name.as_str(), "iat" | "exp" | "nbf" | "jti" | "auth_time"));
            let (organization, role, email) = (&claims.organization, &claims.role, &claims.email);
            let lasting = canonical(&Value::Object(lasting));
            let said = format!("{organization:?} {role:?} {email:?} {lasting}");
            format!("{} {}", identity.key(), HEXLOWER.encode(digest(&SHA256, said.as_bytes()).as_ref()))
        }
        Identity::Key(key) => format!("{} {:?}", identity.key(), key.hash),
        Identity::Anonymous | Identity::Operator(_) | Identity::Job(_) => identity.key(),
    };
    named.into()
}

/// Names those whose answers are the same. Their kind counts too, not only their role: somebody who is not signed in is
/// refused with another error than somebody who belongs to no organization.
pub(super) fn reach(caller: &Caller) -> Arc<str> {
    let kind = match (&caller.identity, &caller.member) {
        (Identity::Anonymous, _) => "anonymous",
        (Identity::Operator(_), _) => "operator",
        (Identity::Job(_), _) => "job",
        (_, Some(_)) => "person",
        (Identity::Key(_), None) => "key",
        (Identity::Token(_), None) => "stranger",
    };
    format!("{kind}/{}", caller.reach()).into()
}
