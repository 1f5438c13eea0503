//! What becomes of people when an organization is deleted.

use ::store::{Isolation, Tx, work};
use engine::{ScopedDb, erasure::elsewhere};
use kernel::{OrgId, Result, Scope, Time};

use super::{UserId, store};

/// People that are looked at together.
const BATCH: i64 = 200;

/// Ends every membership of the organization of this transaction, and every impersonation in it.
pub(crate) async fn shut_out(tx: &mut Tx, organization: &OrgId, now: Time) -> Result<()> {
    store::remove_all(tx, now).await?;
    store::end_all_impersonations(tx).await?;
    store::delete_index_of(tx, organization).await
}

/// Forgets the people of an organization that is being erased who are in no other one: nothing here is about them any more. When
/// they sign in again, they are new.
pub(crate) async fn erase_people(db: &ScopedDb, organization: &OrgId) -> Result<()> {
    let scope = Scope::Organization(organization.clone());
    let mut after = String::new();
    loop {
        let behind = after.clone();
        let people: Vec<UserId> =
            db.read_in(&scope, |tx| Box::pin(async move { store::people_after(tx, &behind, BATCH).await })).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = last.to_string();
        let ids: Vec<_> = people.iter().map(ToString::to_string).collect();
        let stay = elsewhere(db, organization, "members", "user_id", &ids).await?;
        let gone: Vec<_> = people.into_iter().filter(|user| !stay.contains(&user.to_string())).collect();
        let write = work(move |tx| {
            let gone = gone.clone();
            Box::pin(async move {
                for user in &gone {
                    store::delete_person(tx, user).await?;
                }
                Ok(())
            })
        });
        db.write_in(Isolation::Serializable, &Scope::System, write).await?;
    }
}
