//! Merges two contacts that are one person, and undoes a merge.

use ::store::{Db, Tx, work};
use engine::{EventCtx, World};
use kernel::{Error, OrgId, Result};

use super::{ContactId, Merge, store};
use crate::conversations;

/// Merges two contacts and returns the id of the one that is kept, which is the older one. Contacts whose merge was
/// undone are not merged again; then the first id is returned.
pub(super) async fn merge(ctx: &mut EventCtx<'_>, first: ContactId, second: ContactId) -> Result<ContactId> {
    if store::told_apart(ctx.tx, &first, &second).await? {
        return Ok(first);
    }
    let (kept, merged) =
        if store::is_older(ctx.tx, &second, &first).await? { (second, first) } else { (first, second) };
    let merge = Merge {
        id: ctx.new_id::<MergePrefix>().to_string(),
        creation_time: ctx.now(),
        kept: kept.clone(),
        merged: merged.clone(),
        undone_at: None,
    };
    store::insert_merge(ctx.tx, &merge).await?;
    store::note_identities(ctx.tx, &merge).await?;
    store::move_identities(ctx.tx, &merge).await?;
    conversations::merge(ctx.tx, &merge).await?;
    store::take_name(ctx.tx, &merge).await?;
    store::set_merged(ctx.tx, &merged, Some(&kept)).await?;
    tracing::info!(merge = merge.id, "two contacts are one person");
    Ok(kept)
}

/// Undoes a merge. Messages and names that came since stay with the contact that was kept, and vendors' events do not
/// merge the two again.
///
/// # Errors
/// `NotFound` without the merge; `Conflict` when it was undone before, or when the contact that was kept has itself
/// been merged into another: that merge has to be undone first.
pub async fn unmerge(db: &Db, world: &World, organization: &OrgId, merge: &str) -> Result<Merge> {
    let (id, now) = (merge.to_owned(), world.now());
    let write = work(move |tx| {
        let id = id.clone();
        Box::pin(async move {
            let mut merge = undoable(tx, &id).await?;
            store::move_identities_back(tx, &merge).await?;
            conversations::unmerge(tx, &merge).await?;
            store::set_merged(tx, &merge.merged, None).await?;
            store::set_undone(tx, &merge, now).await?;
            store::delete_items(tx, &merge).await?;
            merge.undone_at = Some(now);
            Ok(merge)
        })
    });
    db.write(&organization.clone().into(), write).await
}

async fn undoable(tx: &mut Tx, id: &str) -> Result<Merge> {
    let merge = store::merge(tx, id).await?;
    let merge = merge.ok_or_else(|| {
        Error::not_found(
            "merge_unknown",
            "there is no such merge, or it is older than TRUNKLINE_MERGE_RETENTION and cannot be undone any more",
        )
    })?;
    if merge.undone_at.is_some() {
        return Err(Error::conflict("merge_undone", "this merge was undone before"));
    }
    if store::is_merged(tx, &merge.kept).await? {
        return Err(Error::conflict("merge_buried", "the contact was merged again since: undo that merge first"));
    }
    Ok(merge)
}

kernel::id_prefix! {
    /// The kind of id of a merge of two contacts.
    MergePrefix = "mrg" in "contactMerges"
}
