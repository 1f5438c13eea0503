//! Every statement on people and members. `$1` is the organization wherever a statement names `members` or
//! `impersonations`; the other tables belong to the installation.

use ::store::{FromRow, Reader, Row, Tx};
use engine::Range;
use kernel::{Error, OrgId, Result, Role, Time};

use super::{
    UserId,
    model::{Membership, Person, Profile},
};
use crate::customers::CustomerId;

/// The member that an admin impersonates, and until when.
pub(super) struct Impersonation {
    pub target: UserId,
    pub ends: Time,
}

/// A membership with the name of a client's customer.
pub(super) struct Listed(pub Membership, pub Option<String>);

pub(super) async fn user_of(db: &mut Reader, issuer_subject: &str) -> Result<Option<UserId>> {
    let row = db
        .system("select user_id from user_subjects where issuer_subject = $1")
        .only("user_subjects", issuer_subject)
        .bind(issuer_subject)
        .row()
        .await?;
    row.map(|row| row.id("user_id")).transpose()
}

pub(super) async fn person(db: &mut Reader, user: &UserId) -> Result<Option<Person>> {
    db.system("select id, email, first_name, last_name, picture, created_ms, updated_ms from users where id = $1")
        .only("users", user)
        .bind(user)
        .optional()
        .await
}

pub(super) async fn insert_person(tx: &mut Tx, person: &Person, issuer_subject: &str) -> Result<()> {
    tx.system(
        "insert into users (id, email, first_name, last_name, picture, created_ms, updated_ms)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .only("users", &person.id)
    .only("users", issuer_subject)
    .bind(&person.id)
    .bind(&person.profile.email)
    .bind(person.profile.first_name.as_deref())
    .bind(person.profile.last_name.as_deref())
    .bind(person.profile.picture.as_deref())
    .bind(person.created)
    .bind(person.updated)
    .execute()
    .await?;
    tx.system("insert into user_subjects (issuer_subject, user_id) values ($1, $2)")
        .only("user_subjects", issuer_subject)
        .bind(issuer_subject)
        .bind(&person.id)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn update_person(tx: &mut Tx, person: &Person, issuer_subject: &str) -> Result<()> {
    tx.system(
        "update users set email = $2, first_name = $3, last_name = $4, picture = $5, updated_ms = $6 where id = $1",
    )
    .only("users", &person.id)
    .only("users", issuer_subject)
    .bind(&person.id)
    .bind(&person.profile.email)
    .bind(person.profile.first_name.as_deref())
    .bind(person.profile.last_name.as_deref())
    .bind(person.profile.picture.as_deref())
    .bind(person.updated)
    .execute()
    .await
    .map(drop)
}

/// Returns the organizations of a person, the one that they joined last first.
pub(super) async fn organizations_of(db: &mut Reader, user: &UserId) -> Result<Vec<OrgId>> {
    let rows = db
        .system(
            "select organization from memberships_index where user_id = $1 order by joined_ms desc, organization desc",
        )
        .only("memberships_index", user)
        .bind(user)
        .rows()
        .await?;
    rows.iter().map(|row| row.id("organization")).collect()
}

/// The same for a subject, in one statement, because it runs before every call.
pub(super) async fn organizations_of_subject(db: &mut Reader, issuer_subject: &str) -> Result<Vec<OrgId>> {
    let rows = db
        .system(
            "select i.organization from user_subjects s join memberships_index i on i.user_id = s.user_id
             where s.issuer_subject = $1 order by i.joined_ms desc, i.organization desc",
        )
        .bind(issuer_subject)
        .rows()
        .await?;
    rows.iter().map(|row| row.id("organization")).collect()
}

pub(super) async fn insert_index(tx: &mut Tx, user: &UserId, organization: &OrgId, joined: Time) -> Result<()> {
    tx.system(
        "insert into memberships_index (user_id, organization, joined_ms) values ($1, $2, $3)
         on conflict (user_id, organization) do update set joined_ms = excluded.joined_ms",
    )
    .only("memberships_index", user)
    .bind(user)
    .bind(organization)
    .bind(joined)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn delete_index(tx: &mut Tx, user: &UserId, organization: &OrgId) -> Result<()> {
    tx.system("delete from memberships_index where user_id = $1 and organization = $2")
        .only("memberships_index", user)
        .bind(user)
        .bind(organization)
        .execute()
        .await
        .map(drop)
}

pub(super) async fn of_subject(db: &mut Reader, issuer_subject: &str) -> Result<Option<Membership>> {
    db.query(
        "select m.org_id, m.role, m.customer_id, m.joined_ms, m.updated_ms as changed_ms, m.removed_ms, u.id, u.email,
             u.first_name, u.last_name, u.picture, u.created_ms, u.updated_ms
         from user_subjects s
         join members m on m.org_id = $1 and m.user_id = s.user_id
         join users u on u.id = m.user_id
         where s.issuer_subject = $2",
    )
    .only("user_subjects", issuer_subject)
    .only("users", issuer_subject)
    .bind(issuer_subject)
    .optional()
    .await
}

pub(super) async fn find(db: &mut Reader, user: &UserId) -> Result<Option<Membership>> {
    db.query(
        "select m.org_id, m.role, m.customer_id, m.joined_ms, m.updated_ms as changed_ms, m.removed_ms, u.id, u.email,
             u.first_name, u.last_name, u.picture, u.created_ms, u.updated_ms
         from members m join users u on u.id = m.user_id
         where m.org_id = $1 and m.user_id = $2",
    )
    .only("users", user)
    .bind(user)
    .optional()
    .await
}

pub(super) async fn list(db: &mut Reader, limit: i64) -> Result<Vec<Listed>> {
    db.query(
        "select m.org_id, m.role, m.customer_id, m.joined_ms, m.updated_ms as changed_ms, m.removed_ms, u.id, u.email,
             u.first_name, u.last_name, u.picture, u.created_ms, u.updated_ms, c.name as customer_name
         from members m
         join users u on u.id = m.user_id
         left join customers c on c.org_id = m.org_id and c.id = m.customer_id
         where m.org_id = $1
         order by case when m.removed_ms is null then 0 else 1 end, u.id limit $2",
    )
    .bind(limit)
    .all()
    .await
}

pub(super) async fn page(db: &mut Reader, range: &Range) -> Result<Vec<Listed>> {
    let asked = db.query(
        "select m.org_id, m.role, m.customer_id, m.joined_ms, m.updated_ms as changed_ms, m.removed_ms, u.id, u.email,
             u.first_name, u.last_name, u.picture, u.created_ms, u.updated_ms, c.name as customer_name
         from members m
         join users u on u.id = m.user_id
         left join customers c on c.org_id = m.org_id and c.id = m.customer_id
         where m.org_id = $1
             and (case when m.removed_ms is null then 0 else 1 end, u.id) > ($2, $3)
             and (case when m.removed_ms is null then 0 else 1 end, u.id) <= ($4, $5)
         order by case when m.removed_ms is null then 0 else 1 end, u.id limit $6",
    );
    range.bind_ascending(asked).all().await
}

/// Returns the number of current members, by role.
pub(super) async fn counts(db: &mut Reader) -> Result<Vec<(Role, i64)>> {
    let rows = db
        .query("select role, count(*) as n from members where org_id = $1 and removed_ms is null group by role")
        .rows()
        .await?;
    rows.iter().map(|row| Ok((role(row)?, row.int("n")?))).collect()
}

pub(super) async fn count_clients_of(db: &mut Reader, customer: &CustomerId) -> Result<i64> {
    let row = db
        .query(
            "select count(*) as n from members
             where org_id = $1 and customer_id = $2 and role = 'client' and removed_ms is null",
        )
        .bind(customer)
        .row()
        .await?;
    row.map_or(Ok(0), |row| row.int("n"))
}

/// Returns whether a current member has this e-mail address.
pub(super) async fn has_active_email(db: &mut Reader, email: &str) -> Result<bool> {
    let row = db
        .query(
            "select 1 as n from members m join users u on u.id = m.user_id
             where m.org_id = $1 and m.removed_ms is null and u.email = $2 limit 1",
        )
        .bind(email)
        .row()
        .await?;
    Ok(row.is_some())
}

pub(super) async fn upsert(tx: &mut Tx, membership: &Membership) -> Result<()> {
    tx.query(
        "insert into members (org_id, user_id, role, customer_id, joined_ms, updated_ms, removed_ms)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (org_id, user_id) do update set role = excluded.role, customer_id = excluded.customer_id,
             joined_ms = excluded.joined_ms, updated_ms = excluded.updated_ms, removed_ms = excluded.removed_ms",
    )
    .bind(&membership.person.id)
    .bind(membership.role.as_str())
    .bind(membership.customer.as_ref())
    .bind(membership.joined)
    .bind(membership.updated)
    .bind(membership.removed)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn impersonation_of(db: &mut Reader, user: &UserId) -> Result<Option<Impersonation>> {
    db.query("select target_id, ends_ms from impersonations where org_id = $1 and user_id = $2")
        .bind(user)
        .optional()
        .await
}

pub(super) async fn set_impersonation(tx: &mut Tx, user: &UserId, of: &Impersonation, now: Time) -> Result<()> {
    tx.query(
        "insert into impersonations (org_id, user_id, target_id, started_ms, ends_ms) values ($1, $2, $3, $4, $5)
         on conflict (org_id, user_id) do update set target_id = excluded.target_id, started_ms = excluded.started_ms,
             ends_ms = excluded.ends_ms",
    )
    .bind(user)
    .bind(&of.target)
    .bind(now)
    .bind(of.ends)
    .execute()
    .await
    .map(drop)
}

pub(super) async fn end_impersonation(tx: &mut Tx, user: &UserId) -> Result<bool> {
    let ended = tx.query("delete from impersonations where org_id = $1 and user_id = $2").bind(user).execute().await?;
    Ok(ended == 1)
}

/// Deletes the impersonations that expired before `now`.
pub(super) async fn end_impersonations_before(tx: &mut Tx, now: Time) -> Result<u64> {
    tx.query("delete from impersonations where org_id = $1 and ends_ms <= $2").bind(now).execute().await
}

/// Deletes the impersonations in which this person is the admin or the member.
pub(super) async fn end_impersonations_with(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.query("delete from impersonations where org_id = $1 and (user_id = $2 or target_id = $2)")
        .bind(user)
        .execute()
        .await
        .map(drop)
}

/// Removes every member.
pub(super) async fn remove_all(tx: &mut Tx, now: Time) -> Result<()> {
    let update =
        tx.query("update members set removed_ms = $2, updated_ms = $2 where org_id = $1 and removed_ms is null");
    update.bind(now).execute().await.map(drop)
}

pub(super) async fn end_all_impersonations(tx: &mut Tx) -> Result<()> {
    tx.query("delete from impersonations where org_id = $1").execute().await.map(drop)
}

/// Forgets in which organization all of its members may be.
pub(super) async fn delete_index_of(tx: &mut Tx, organization: &OrgId) -> Result<()> {
    let delete = tx.system("delete from memberships_index where organization = $1");
    delete.bind(organization).execute().await.map(drop)
}

/// Everybody who is or was a member, in the order of their ids.
pub(super) async fn people_after(db: &mut Reader, after: &str, most: i64) -> Result<Vec<UserId>> {
    let rows = db
        .query("select user_id from members where org_id = $1 and user_id > $2 order by user_id limit $3")
        .bind(after)
        .bind(most)
        .rows()
        .await?;
    rows.iter().map(|row| row.id("user_id")).collect()
}

/// Forgets a person.
pub(super) async fn delete_person(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.system("delete from user_subjects where user_id = $1").bind(user).execute().await?;
    tx.system("delete from users where id = $1").only("users", user).bind(user).execute().await.map(drop)
}

fn role(row: &Row) -> Result<Role> {
    let text = row.text("role")?;
    Role::parse(&text).map_err(|_| Error::internal("member_role", format!("there is no role called {text}")))
}

impl FromRow for Person {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            profile: Profile {
                email: row.text("email")?,
                first_name: row.opt_text("first_name")?,
                last_name: row.opt_text("last_name")?,
                picture: row.opt_text("picture")?,
            },
            created: row.time("created_ms")?,
            updated: row.time("updated_ms")?,
        })
    }
}

impl FromRow for Membership {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            person: Person::from_row(row)?,
            organization: row.id("org_id")?,
            role: role(row)?,
            customer: row.opt_id("customer_id")?,
            joined: row.time("joined_ms")?,
            updated: row.time("changed_ms")?,
            removed: row.opt_time("removed_ms")?,
        })
    }
}

impl FromRow for Listed {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self(Membership::from_row(row)?, row.opt_text("customer_name")?))
    }
}

impl FromRow for Impersonation {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { target: row.id("target_id")?, ends: row.time("ends_ms")? })
    }
}
