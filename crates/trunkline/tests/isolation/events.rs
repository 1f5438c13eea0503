//! Vendors' events about one organization change nothing in another, although both have the same ids.

use app::{connections, contacts, conversations, messages};
use kernel::OrgId;
use provider::messaging as chat;

use crate::{
    findings::Findings,
    likeness::{alike, apart, changed},
    world::{Dump, Hands, World, echo, nameless, snapshot, step, subscribed, text, whole},
};

/// Records differences in bravo that exist only because alpha does, and changes of alpha's rows.
pub(crate) async fn are_alike(world: &mut World, findings: &mut Findings) {
    let alone = story(world, Hands::WITHOUT_ALPHA, findings).await;
    let beside = story(world, Hands::WHOLE, findings).await;
    for (one, other) in alone.iter().zip(&beside).filter(|(one, other)| one != other) {
        findings.note(format!("events: {}", apart(one, other)));
    }
}

/// Runs every kind of event. Returns the differences after each step.
async fn story(world: &mut World, state: &'static str, findings: &mut Findings) -> Vec<String> {
    let bravo = world.bravo.clone();
    world.hands.put_back(state).await;
    let mut came = vec![lists(world).await];
    for at in 0..STEPS {
        if at == RESUMED {
            swap_imports(world).await;
        }
        if at == SWEPT {
            refresh_alpha(world).await;
        }
        let before = world.hands.dump().await;
        happens(world, at).await;
        let after = world.hands.dump().await;
        for row in Dump::difference(&before.of(&world.alpha), &after.of(&world.alpha)) {
            findings.note(format!("step {at} of {}'s events changed a row of alpha: {row}", bravo.mark));
        }
        came.push(format!("step {at}: {}", changed(world, &before, &after)));
    }
    came.push(lists(world).await);
    world.hands.put_back(state).await;
    came
}

const STEPS: usize = 20;
/// The step in which an import is resumed.
const RESUMED: usize = 16;
/// The step in which old rows of all organizations are deleted.
const SWEPT: usize = 18;

async fn happens(world: &World, at: usize) {
    let (app, told, bravo) = (&world.app, &world.told, &world.bravo);
    let hears = |message: chat::Message| told.hears(app, bravo, message);
    match at {
        // A known person, and an unknown one.
        0 => hears(text(bravo, "m5", whole(bravo, "ada", 1), 500)).await,
        1 => hears(text(bravo, "m6", whole(bravo, "eve", 9), 510)).await,
        // The same message again, and one that alpha has too.
        2 => hears(text(bravo, "m1", whole(bravo, "ada", 1), 100)).await,
        3 => told.chats(app, bravo, vec![step(bravo, "m2", chat::Step::Read, 520)]).await,
        4 => told.chats(app, bravo, vec![step(bravo, "m7", chat::Step::Delivered, 520)]).await,
        // Steps that arrived before their message are applied when the message arrives.
        5 => hears(echo(bravo, "m9", whole(bravo, "ada", 1), 530)).await,
        // Two contacts turn out to be one person, also where a merge of them was undone.
        6 => hears(text(bravo, "bob3", whole(bravo, "bob", 2), 540)).await,
        7 => hears(text(bravo, "dora4", whole(bravo, "dora", 4), 550)).await,
        8 => hears(text(bravo, "fred3", nameless(bravo, "fred", 5), 560)).await,
        9 | 10 => unmerge(world).await,
        11 => {
            let renamed = chat::Renamed {
                before: whole(bravo, "ada", 1),
                after: chat::Person { username: Some("b.ada9".to_owned()), ..whole(bravo, "ada", 8) },
                at: Some(kernel::Time::from_seconds(600)),
            };
            told.chats(app, bravo, vec![chat::Change::Renamed(Box::new(renamed))]).await;
        }
        12 => told.pays(app, subscribed(bravo, "sub1", 600)).await,
        13 => told.pays(app, subscribed(bravo, "sub2", 610)).await,
        14 => told.pays(app, snapshot(bravo, 620, &["sub2"])).await,
        15 => told.pays(app, snapshot(bravo, 615, &["sub1"])).await,
        RESUMED => resume(world).await,
        17 => {
            let remove = serde_json::json!({ "userId": world.shared_id });
            let removed = world.ask(bravo.person("owner"), "users:remove", &remove).await;
            removed.expect("who belongs to both organizations can be removed from one");
        }
        SWEPT => {
            // All of alpha's rows are newer.
            app.retain().await;
        }
        // The last step: hourly crons run in it.
        _ => act_for_an_hour(world).await,
    }
}

/// One import of an organization is running. Alpha's own is, so that it is the twin of bravo's.
async fn swap_imports(world: &mut World) {
    let (alpha, bravo) = (&world.alpha.id, world.bravo.ids["imp"].last().expect("an import"));
    let swap = format!(
        "update customer_imports set status = 'cancelled' where org_id = '{alpha}' and status = 'running';
         update customer_imports set status = 'running' where org_id = '{alpha}' and id = '{bravo}';"
    );
    world.hands.write(&swap).await;
}

/// Makes those rows of alpha new that would be deleted because they are old.
async fn refresh_alpha(world: &mut World) {
    let (alpha, now) = (&world.alpha.id, world.app.world.now().ms());
    let refresh = format!(
        "update billing_snapshots set taken_ms = {now} where org_id = '{alpha}';
         update impersonations set ends_ms = {now} - 1 where org_id = '{alpha}' and ends_ms < {now};"
    );
    world.hands.write(&refresh).await;
}

/// Resumes the running import.
async fn resume(world: &World) {
    let import = world.bravo.ids["imp"].last().expect("an import").clone();
    let arguments = serde_json::json!({ "importId": import });
    let resumed = world.ask(world.bravo.person("owner"), "customers:resumeImport", &arguments).await;
    resumed.expect("the import can be resumed");
    world.app.run_jobs().await;
}

/// A member impersonates another, until that expires.
async fn act_for_an_hour(world: &World) {
    let (app, bravo) = (&world.app, &world.bravo);
    let viewer = world.ask(bravo.person("viewer"), "users:me", &serde_json::json!({})).await.expect("a viewer");
    let act = serde_json::json!({ "userId": viewer["_id"] });
    world.ask(bravo.person("admin"), "users:startImpersonating", &act).await.expect("an admin may");
    let now = app.world.now();
    app.clock.advance(testkit::hours(2));
    app.run_jobs().await;
    app.clock.set(now);
}

/// Undoes the oldest merge of bravo.
async fn unmerge(world: &World) {
    let id = OrgId::parse(&world.bravo.id).expect("an id");
    let merges = contacts::merges(&world.app.db, &id, 100).await.expect("a list");
    let oldest = merges.iter().filter(|merge| merge.undone_at.is_none()).min_by_key(|merge| merge.id.clone());
    let oldest = oldest.expect("one that is whole").id.clone();
    // A failure shows in the rows.
    contacts::unmerge(&world.app.db, &world.app.world, &id, &oldest).await.map(drop).unwrap_or_default();
}

/// Returns the lists of bravo that the terminal shows.
async fn lists(world: &World) -> String {
    let (db, id) = (&world.app.db, OrgId::parse(&world.bravo.id).expect("an id"));
    let mut merges = contacts::merges(db, &id, 100).await.expect("a list");
    // Rows with the same time are sorted by random ids.
    merges.sort_by_key(|merge| merge.kept.to_string());
    let lists = format!(
        "{:?} {:?} {merges:?} {:?} {:?} {:?}",
        connections::list(db, &id).await,
        contacts::list(db, &id, 100).await,
        conversations::list(db, &id, 100).await,
        messages::list(db, &id, 100).await,
        app::billing::subscriptions(db, &id, 100).await,
    );
    alike(world, &lists)
}
