//! Answers and changes in an organization are the same whether or not another organization exists.
//!
//! This finds what marks in texts cannot: numbers that count another organization's rows, limits that another fills, a
//! role in another organization. Everything runs twice: without any row of alpha, and with a twin in alpha of each of
//! bravo's rows.

use engine::Kind;

use crate::{
    arguments::{self, Call, Callable},
    events,
    findings::Findings,
    world::{Dump, Hands, Somebody, World, both},
};

#[tokio::test]
async fn nobody_can_tell_whether_another_organization_exists() {
    both(|mut world| async move {
        let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
        // Calls are generated without alpha: generated beside alpha, calls that alpha breaks would not be found.
        let all = arguments::all(&mut world, &bravo, &alpha, Hands::WITHOUT_ALPHA).await;
        // So that the use of a key is stored again.
        world.app.clock.advance(testkit::minutes(2));
        let mut findings = Findings::default();
        for callable in &all {
            let alone = seen(&mut world, callable, Hands::WITHOUT_ALPHA, &mut findings).await;
            let beside = seen(&mut world, callable, Hands::WHOLE, &mut findings).await;
            for (one, other) in alone.iter().zip(&beside).filter(|(one, other)| one != other) {
                findings.note(format!("{}: {}", one.0, apart(&one.1, &other.1)));
            }
            findings.none();
        }
        events::are_alike(&mut world, &mut findings).await;
        findings.none();
    })
    .await;
}

/// Returns the places where two texts differ, the first without alpha.
pub(crate) fn apart(alone: &str, beside: &str) -> String {
    const BEFORE: usize = 200;
    const AFTER: usize = 400;
    let same = alone.chars().zip(beside.chars()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| text.chars().skip(same.saturating_sub(BEFORE)).take(BEFORE + AFTER).collect::<String>();
    format!("without alpha …{}…\n  beside alpha …{}…", around(alone), around(beside))
}

/// The call and the caller, and the result.
type Seen = (String, String);

/// Returns the answers to all callers of bravo, and the changes, in this state of the database.
async fn seen(world: &mut World, callable: &Callable, state: &'static str, findings: &mut Findings) -> Vec<Seen> {
    world.hands.put_back(state).await;
    let mut all = Vec::new();
    for (who, call) in asked(world, callable) {
        let answer = world.ask(&who, callable.name(), &call.arguments).await;
        let is_done = answer.is_ok();
        let answer = match answer {
            Ok(value) => value.to_string(),
            Err(error) => format!("{} {} {}", error.code.as_str(), error.tag, error.message),
        };
        let called = format!("{} calls {} with {}", who.name, callable.name(), call.arguments);
        let mut came = alike(world, &answer);
        // A failed call is rolled back: anything left of it shows in the next call that succeeds.
        if is_done && callable.description.kind != Kind::Query {
            let (then, now) = (world.hands.kept(state), world.hands.put_back(state).await);
            for row in Dump::difference(&then.of(&world.alpha), &now.of(&world.alpha)) {
                findings.note(format!("{called}, and a row of alpha is another one: {row}"));
            }
            came.push_str(&changed(world, &then, &now));
        }
        all.push((called, came));
    }
    all
}

/// Returns the changes of bravo's rows, without what differs each time.
pub(crate) fn changed(world: &World, then: &Dump, now: &Dump) -> String {
    let rows = Dump::difference(&then.tenants(&world.bravo), &now.tenants(&world.bravo));
    let mut rows: Vec<_> = rows.iter().map(|row| alike(world, row)).collect();
    rows.sort();
    format!("\n  {}", rows.join("\n  "))
}

/// Returns each caller with each kind of call, and a caller with the right with all calls, including those that are
/// refused.
fn asked(world: &World, callable: &Callable) -> Vec<(Somebody, Call)> {
    let bravo = &world.bravo;
    let everybody = bravo.people.values().chain(bravo.keys.values()).chain([&world.shared]).cloned();
    let shapes = |who: Somebody| callable.shapes().into_iter().map(move |call| (who.clone(), call.clone()));
    let mut asked: Vec<_> = everybody.flat_map(shapes).collect();
    let by = world.called(bravo, callable.by);
    asked.extend(callable.calls.iter().chain(&callable.refused).map(|call| (by.clone(), call.clone())));
    asked
}

/// Returns a text without what differs each time: new ids, keys, and ends of pages.
pub(crate) fn alike(world: &World, text: &str) -> String {
    let known: Vec<_> = world.bravo.ids.values().flatten().chain([&world.bravo.id]).collect();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut alike = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_word) {
        let (before, from) = rest.split_at(begin);
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        alike.push_str(before);
        let is_id = word.len() == 30 && word.as_bytes()[3] == b'_';
        match () {
            () if is_id && !known.iter().any(|id| *id == word) => alike.push_str(&word[..4]),
            () if word.len() > 40 => alike.push_str("long"),
            // The last characters of a key.
            () if word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => alike.push_str("hint"),
            () => alike.push_str(word),
        }
        rest = after;
    }
    alike.push_str(rest);
    alike
}
