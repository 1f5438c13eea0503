//! The guards that are not a clause of a feature's statement: role checks, seals, scopes, ownership.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result};

use super::Mutant;

/// A text of the product, and the same text with a switch.
pub(super) struct Guard {
    /// The name; only the kind for guards of which there is one for each operation or table.
    pub(super) name: &'static str,
    pub(super) file: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
    /// The prefix of the names of the operations that need the guard.
    operations: &'static str,
    first: &'static str,
}

/// Kinds of guards of which there is one for each operation, or for each table.
const CHECK: &str = "check";
const ACCESS: &str = "access";
const POLICY: &str = "policy";

const CALL: &str = "crates/engine/src/operation/call.rs";
const CALLER: &str = "crates/engine/src/operation/caller.rs";
const DIRECTORY: &str = "crates/app/src/users/directory.rs";
const IDENTIFY: &str = "crates/app/src/api_keys/identify.rs";

/// Creates a guard that one part of the suite finds faster than the others.
const fn guard(
    name: &'static str,
    file: &'static str,
    before: &'static str,
    after: &'static str,
    (operations, first): (&'static str, &'static str),
) -> Guard {
    Guard { name, file, before, after, operations, first }
}

/// Guards that another guard repeats, with the reason.
const REPEATED: &[(&str, &str)] =
    &[("check users:syncCurrent", "it does nothing but call a mutation, which checks the same access")];

pub(super) const GUARDS: &[Guard] = &[
    guard(
        CHECK,
        CALL,
        "    caller.check(found.description.access)?;\n    caller.check_scope(found.description.name)\n",
        "    if !kernel::mutant::is_of(\"check\", found.description.name) {\n        caller.check(found.description.access)?;\n    }\n    caller.check_scope(found.description.name)\n",
        ("", "roles"),
    ),
    guard(
        ACCESS,
        "crates/engine/src/operation/registry.rs",
        "        let arguments = self.schemas.arguments::<A>();\n",
        "        let access = if kernel::mutant::is_of(\"access\", name) { Access::Public } else { access };\n        let arguments = self.schemas.arguments::<A>();\n",
        ("", "roles"),
    ),
    guard(
        POLICY,
        "crates/store/src/migrate.rs",
        "        let table: String = row.try_get(\"name\")?;\n",
        "        let table: String = row.try_get(\"name\")?;\n        if kernel::mutant::is_of(\"policy\", &table) {\n            continue;\n        }\n",
        ("", "wall"),
    ),
    guard(
        "scope of an API key",
        CALLER,
        "        if key.scopes.is_empty() || key.scopes.iter().any(covers) {\n",
        "        if kernel::mutant::is(\"scope of an API key\") || key.scopes.is_empty() || key.scopes.iter().any(covers) {\n",
        ("users:", "roles"),
    ),
    guard(
        "seal of a cursor",
        "crates/engine/src/operation/page.rs",
        "        verify_slices_are_equal(seal, &self.mac(text)[..SEAL]).map_err(|_| invalid())?;\n",
        "        let sealed = verify_slices_are_equal(seal, &self.mac(text)[..SEAL]);\n        if !kernel::mutant::is(\"seal of a cursor\") {\n            sealed.map_err(|_| invalid())?;\n        }\n",
        ("customers:", "roles"),
    ),
    guard(
        "organization of a cursor",
        CALL,
        "        let organization = organization.map(ToString::to_string).unwrap_or_default();\n        Seal::new(",
        "        let organization = organization.filter(|_| !kernel::mutant::is(\"organization of a cursor\"));\n        let organization = organization.map(ToString::to_string).unwrap_or_default();\n        let operation = if kernel::mutant::is(\"operation of a cursor\") { \"\" } else { operation };\n        if kernel::mutant::is(\"arguments of a cursor\") {\n            asked = Value::Null;\n        }\n        Seal::new(",
        ("customers:", "roles"),
    ),
    guard(
        "party of a replay",
        "crates/engine/src/operation/replay.rs",
        "    if answered.party != party {\n",
        "    if !kernel::mutant::is(\"party of a replay\") && answered.party != party {\n",
        ("customers:create", "roles"),
    ),
    guard(
        "party of an Idempotency-Key",
        "crates/server/src/rest/replay.rs",
        "    Ok(Some(Replay { session: format!(\"rest {organization} {party}\"), request, keep_until: now + KEPT }))\n",
        "    let mut session = format!(\"rest {organization} {party}\");\n    if kernel::mutant::is(\"party of an Idempotency-Key\") {\n        session = \"rest\".to_owned();\n    }\n    Ok(Some(Replay { session, request, keep_until: now + KEPT }))\n",
        ("customers:create", "roles"),
    ),
    guard(
        "reach of staff",
        CALLER,
        "            Some(member) if member.role == Role::Staff => format!(\"{role}:{}\", member.user),\n",
        "            Some(member) if member.role == Role::Staff && !kernel::mutant::is(\"reach of staff\") => {\n                format!(\"{role}:{}\", member.user)\n            }\n",
        ("customers:", "watching"),
    ),
    guard(
        "reach of clients",
        CALLER,
        "            Some(Member { customer: Some(customer), .. }) => format!(\"{role}:{customer}\"),\n",
        "            Some(Member { customer: Some(customer), .. }) if !kernel::mutant::is(\"reach of clients\") => {\n                format!(\"{role}:{customer}\")\n            }\n",
        ("customers:", "watching"),
    ),
    guard(
        "reach of scoped keys",
        CALLER,
        "            && !key.scopes.is_empty()\n        {\n            return",
        "            && !key.scopes.is_empty()\n            && !kernel::mutant::is(\"reach of scoped keys\")\n        {\n            return",
        ("", "watching"),
    ),
    guard(
        "reach of keys beside people",
        "crates/engine/src/live/party.rs",
        "    format!(\"{kind}/{}\", caller.reach()).into()\n",
        "    let kind = if kernel::mutant::is(\"reach of keys beside people\") { \"\" } else { kind };\n    format!(\"{kind}/{}\", caller.reach()).into()\n",
        ("customers:", "watching"),
    ),
    guard(
        "personal answers",
        "crates/engine/src/live/view.rs",
        "                    let party = if is_personal { &self.person } else { reach };\n",
        "                    let is_personal = is_personal && !kernel::mutant::is(\"personal answers\");\n                    let party = if is_personal { &self.person } else { reach };\n",
        ("users:me", "watching"),
    ),
    guard(
        "membership in what is wanted",
        DIRECTORY,
        "            Some(named) if memberships.contains(&named) => Ok(Some(named)),\n",
        "            Some(named) if kernel::mutant::is(\"membership in what is wanted\") || memberships.contains(&named) => {\n                Ok(Some(named))\n            }\n",
        ("customers:", "outsiders"),
    ),
    guard(
        "membership in what a token names",
        DIRECTORY,
        "            Some(claimed) => Ok(Some(claimed).filter(|claimed| memberships.contains(claimed))),\n",
        "            Some(claimed) => Ok(Some(claimed).filter(|claimed| {\n                kernel::mutant::is(\"membership in what a token names\") || memberships.contains(claimed)\n            })),\n",
        ("customers:", "outsiders"),
    ),
    guard(
        "removed members",
        DIRECTORY,
        "        let own = found.filter(Membership::is_active).ok_or_else(gone)?;\n",
        "        let own = found.filter(|own| kernel::mutant::is(\"removed members\") || own.is_active()).ok_or_else(gone)?;\n",
        ("customers:", "watching"),
    ),
    guard(
        "sight of staff",
        "crates/app/src/customers/model.rs",
        "            (Some(Role::Staff), Some(member)) => Self::Assigned(member.user.clone()),\n",
        "            (Some(Role::Staff), Some(member)) if !kernel::mutant::is(\"sight of staff\") => {\n                Self::Assigned(member.user.clone())\n            }\n            (Some(Role::Staff), Some(_)) => Self::All,\n",
        ("customers:", "roles"),
    ),
    guard(
        "sight of clients",
        "crates/app/src/customers/model.rs",
        "            (Some(Role::Client), _, Some(customer)) => Self::Own(customer.clone()),\n",
        "            (Some(Role::Client), ..) if kernel::mutant::is(\"sight of clients\") => Self::All,\n            (Some(Role::Client), _, Some(customer)) => Self::Own(customer.clone()),\n",
        ("customers:", "roles"),
    ),
    guard(
        "sight of who changes a customer",
        "crates/app/src/customers/mutations.rs",
        "        let sight = Visibility::of(&ctx.caller().reach());\n",
        "        let mut sight = Visibility::of(&ctx.caller().reach());\n        if kernel::mutant::is(\"sight of who changes a customer\") {\n            sight = Visibility::All;\n        }\n",
        ("customers:update", "roles"),
    ),
    guard(
        "sight of who lists customers",
        "crates/app/src/customers/queries.rs",
        "        let customers = store::list(ctx.db, &Visibility::of(&ctx.reach()), list::LIMIT).await?;\n",
        "        let mut sight = Visibility::of(&ctx.reach());\n        if kernel::mutant::is(\"sight of who lists customers\") {\n            sight = Visibility::All;\n        }\n        let customers = store::list(ctx.db, &sight, list::LIMIT).await?;\n",
        ("customers:list", "roles"),
    ),
    guard(
        "sight of who pages customers",
        "crates/app/src/customers/queries.rs",
        "        let search = searched(self.search.unwrap_or_default())?;\n",
        "        let sight = if kernel::mutant::is(\"sight of who pages customers\") { Visibility::All } else { sight };\n        let search = searched(self.search.unwrap_or_default())?;\n",
        ("customers:page", "roles"),
    ),
    guard(
        "sight of who gets a customer",
        "crates/app/src/customers/queries.rs",
        "        find_seen(ctx.db, &self.customer_id, &sight).await\n",
        "        let sight = if kernel::mutant::is(\"sight of who gets a customer\") { Visibility::All } else { sight };\n        find_seen(ctx.db, &self.customer_id, &sight).await\n",
        ("customers:get", "roles"),
    ),
    guard(
        "sight of who lists assigned staff",
        "crates/app/src/assignments/queries.rs",
        "        customers::find_seen(ctx.db, &self.customer_id, &sight).await?;\n",
        "        if !kernel::mutant::is(\"sight of who lists assigned staff\") {\n            customers::find_seen(ctx.db, &self.customer_id, &sight).await?;\n        }\n",
        ("assignments:listAssigned", "roles"),
    ),
    guard(
        "customer of available staff",
        "crates/app/src/assignments/queries.rs",
        "        customers::find(ctx.db, &self.customer_id).await?;\n",
        "        if !kernel::mutant::is(\"customer of available staff\") {\n            customers::find(ctx.db, &self.customer_id).await?;\n        }\n",
        ("assignments:listAvailable", "outsiders"),
    ),
    guard(
        "customer of an assignment",
        "crates/app/src/assignments/mutations.rs",
        "        customers::find(ctx.db, &self.customer_id).await?;\n",
        "        if !kernel::mutant::is(\"customer of an assignment\") {\n            customers::find(ctx.db, &self.customer_id).await?;\n        }\n",
        ("assignments:assign", "outsiders"),
    ),
    guard(
        "customer of a client",
        "crates/app/src/users/roles.rs",
        "        (Role::Client, Some(customer)) => customers::find(db, customer).await.map(drop),\n",
        "        (Role::Client, Some(_)) if kernel::mutant::is(\"customer of a client\") => Ok(()),\n        (Role::Client, Some(customer)) => customers::find(db, customer).await.map(drop),\n",
        ("users:changeRole", "outsiders"),
    ),
    guard(
        "owner before a change of role",
        "crates/app/src/users/roles.rs",
        "        owners_only(own, before.role)?;\n",
        "        if !kernel::mutant::is(\"owner before a change of role\") {\n            owners_only(own, before.role)?;\n        }\n",
        ("users:changeRole", "roles"),
    ),
    guard(
        "owner after a change of role",
        "crates/app/src/users/roles.rs",
        "        owners_only(own, self.role)?;\n",
        "        if !kernel::mutant::is(\"owner after a change of role\") {\n            owners_only(own, self.role)?;\n        }\n",
        ("users:changeRole", "roles"),
    ),
    guard(
        "removal of an owner",
        "crates/app/src/users/mutations.rs",
        "        owners_only(ctx.caller().role(), before.role)?;\n        keep_an_owner",
        "        if !kernel::mutant::is(\"removal of an owner\") {\n            owners_only(ctx.caller().role(), before.role)?;\n        }\n        keep_an_owner",
        ("users:remove", "roles"),
    ),
    guard(
        "return of an owner",
        "crates/app/src/users/mutations.rs",
        "        owners_only(ctx.caller().role(), before.role)?;\n        check_customer",
        "        if !kernel::mutant::is(\"return of an owner\") {\n            owners_only(ctx.caller().role(), before.role)?;\n        }\n        check_customer",
        ("users:restore", "roles"),
    ),
    guard(
        "impersonation of an owner",
        "crates/app/src/users/impersonation.rs",
        "        if !may_act_as(own.role, target.role) {\n",
        "        if !kernel::mutant::is(\"impersonation of an owner\") && !may_act_as(own.role, target.role) {\n",
        ("users:startImpersonating", "roles"),
    ),
    guard(
        "rights of who impersonates",
        DIRECTORY,
        "        match self.impersonated(tx, &own).await? {\n",
        "        match self.impersonated(tx, &own).await?.filter(|_| !kernel::mutant::is(\"rights of who impersonates\")) {\n",
        ("users:", "roles"),
    ),
    guard(
        "key for an owner",
        "crates/app/src/api_keys/mutations.rs",
        "        if self.role == Role::Owner && ctx.caller().role() != Some(Role::Owner) {\n",
        "        let is_off = kernel::mutant::is(\"key for an owner\");\n        if !is_off && self.role == Role::Owner && ctx.caller().role() != Some(Role::Owner) {\n",
        ("apiKeys:create", "roles"),
    ),
    guard(
        "revoked keys",
        IDENTIFY,
        "        let good = self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end);\n",
        "        let is_revoked = !kernel::mutant::is(\"revoked keys\") && self.revoked_at.is_some();\n        let is_old = !kernel::mutant::is(\"expired keys\") && self.expires_at.is_some_and(|end| now >= end);\n        let good = !is_revoked && !is_old;\n",
        ("customers:", "outsiders"),
    ),
    guard(
        "rotated keys",
        IDENTIFY,
        "self.previous_until.is_some_and(|end| now < end);\n",
        "(kernel::mutant::is(\"rotated keys\") || self.previous_until.is_some_and(|end| now < end));\n",
        ("customers:", "outsiders"),
    ),
    guard(
        "key at the door",
        IDENTIFY,
        "    let worth = worth.filter(|worth| worth.admits(&shown, world.now())).ok_or_else(unknown)?;\n",
        "    let is_off = kernel::mutant::is(\"key at the door\");\n    let worth = worth.filter(|worth| is_off || worth.admits(&shown, world.now())).ok_or_else(unknown)?;\n",
        ("customers:", "outsiders"),
    ),
    guard(
        "key in every call",
        IDENTIFY,
        "    let worth = store::worth(db, &key.id).await?.filter(|worth| worth.admits(&key.hash, now)).ok_or_else(unknown)?;\n",
        "    let is_off = kernel::mutant::is(\"key in every call\");\n    let worth = store::worth(db, &key.id).await?;\n    let worth = worth.filter(|worth| is_off || worth.admits(&key.hash, now)).ok_or_else(unknown)?;\n",
        ("customers:", "watching"),
    ),
];

/// Returns all mutants of these guards.
pub(super) fn mutants(root: &Path) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for guard in GUARDS {
        match guard.name {
            CHECK | ACCESS => {
                let restricted = operations(root)?.into_iter().filter(|(_, who)| who != "everybody");
                mutants.extend(restricted.map(|(operation, _)| guard.of(&operation)));
            }
            POLICY => mutants.extend(tables(root)?.into_iter().map(|table| guard.of(&table))),
            "organization of a cursor" => {
                let others = ["operation of a cursor", "arguments of a cursor"];
                mutants.extend([guard.name].into_iter().chain(others).map(|name| guard.named(name)));
            }
            "revoked keys" => mutants.extend([guard.name, "expired keys"].map(|name| guard.named(name))),
            name => mutants.push(guard.named(name)),
        }
    }
    Ok(mutants)
}

impl Guard {
    fn named(&self, name: &str) -> Mutant {
        Mutant {
            name: name.to_owned(),
            operations: self.operations.to_owned(),
            first: self.first,
            postgres: false,
            redundant: None,
        }
    }

    /// Returns the mutant of one operation or table.
    fn of(&self, what: &str) -> Mutant {
        let operations = if self.name == CHECK { what } else { "" };
        let first = if self.name == ACCESS { "roles::who_may" } else { self.first };
        let operations = operations.to_owned();
        let name = format!("{} {what}", self.name);
        let redundant = REPEATED.iter().find(|(repeated, _)| *repeated == name).map(|(_, why)| *why);
        Mutant { operations, first, postgres: self.name == POLICY, redundant, ..self.named(&name) }
    }
}

/// Returns the operations, and the roles that may call them.
fn operations(root: &Path) -> Result<Vec<(String, String)>> {
    let path = root.join("crates/trunkline/tests/isolation/roles.txt");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    Ok(pairs.map(|(operation, who)| (operation.to_owned(), who.to_owned())).collect())
}

/// Returns the tenant tables.
fn tables(root: &Path) -> Result<BTreeSet<String>> {
    crate::tidy::tenant_tables(root)
}
