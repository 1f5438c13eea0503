//! Which of the subscriptions that have to run again run in the next refresh. Pure.
//!
//! A refresh takes one snapshot, and a view shows all its answers at one moment, so a view's subscriptions run in the same
//! refresh. When all of them together take long, views take turns: small ones go along with every refresh, one large one at
//! a time. A large one then delays the others of its organization by its own time, not by that of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long a refresh should take: others of the organization, and other organizations, wait for its end.
pub(super) const QUANTUM: Duration = Duration::from_millis(10);

/// A subscription that has to run.
pub(super) struct Candidate {
    pub(super) id: u64,
    /// How long it will take, for all that is known.
    pub(super) cost: Duration,
}

/// What a refresh runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) ids: BTreeSet<u64>,
    /// Whether it is expected to take longer than the quantum.
    pub(super) is_long: bool,
    /// The view whose turn it was, when not all of them had theirs.
    pub(super) turn: Option<u64>,
}

/// Chooses. `views` lists the views that wait, each with its candidates; `last` is the view whose turn was last.
pub(super) fn choose(
    candidates: &[Candidate],
    views: impl FnOnce() -> BTreeMap<u64, BTreeSet<u64>>,
    last: u64,
) -> Slice {
    let costs: BTreeMap<_, _> = candidates.iter().map(|candidate| (candidate.id, candidate.cost)).collect();
    let all: Duration = costs.values().sum();
    if all <= QUANTUM {
        return Slice { ids: costs.into_keys().collect(), is_long: false, turn: None };
    }
    let views = views();
    let turn = views.range(last.saturating_add(1)..).next().or_else(|| views.iter().next());
    let Some((turn, own)) = turn else {
        // Nobody watches them any more.
        return Slice { ids: BTreeSet::new(), is_long: false, turn: None };
    };
    let mut ids = own.clone();
    let cost = |ids: &mut dyn Iterator<Item = &u64>| ids.filter_map(|id| costs.get(id)).sum::<Duration>();
    let mut small: Vec<_> = views.values().map(|ids| (cost(&mut ids.iter()), ids)).collect();
    small.sort_by_key(|(cost, _)| *cost);
    let mut beside = Duration::ZERO;
    for (_, view) in small {
        beside += cost(&mut view.difference(&ids));
        if beside > QUANTUM {
            break;
        }
        ids.extend(view);
    }
    let is_long = cost(&mut ids.iter()) > QUANTUM;
    Slice { ids, is_long, turn: Some(*turn) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Views with the subscriptions that they wait for, and how many milliseconds each of those takes.
    fn slices(views: &[(u64, &[u64])], ms: impl Fn(u64) -> u64, turns: usize) -> Vec<(Vec<u64>, bool)> {
        let mut waiting: BTreeMap<u64, BTreeSet<u64>> =
            views.iter().map(|(view, ids)| (*view, ids.iter().copied().collect())).collect();
        let mut last = 0;
        let turn = |_| {
            let ids: BTreeSet<_> = waiting.values().flatten().copied().collect();
            let candidates: Vec<_> =
                ids.into_iter().map(|id| Candidate { id, cost: Duration::from_millis(ms(id)) }).collect();
            let slice = choose(&candidates, || waiting.clone(), last);
            last = slice.turn.unwrap_or(last);
            waiting.values_mut().for_each(|ids| ids.retain(|id| !slice.ids.contains(id)));
            waiting.retain(|_, ids| !ids.is_empty());
            (slice.ids.into_iter().collect(), slice.is_long)
        };
        (0..turns).map(turn).collect()
    }

    #[test]
    fn what_is_quick_runs_at_once() {
        assert_eq!(slices(&[(1, &[1, 2]), (2, &[2, 3])], |_| 3, 1), [(vec![1, 2, 3], false)]);
    }

    #[test]
    fn large_views_take_turns_and_small_ones_go_along() {
        let views: [(u64, &[u64]); 4] = [(1, &[1, 2]), (2, &[3, 4]), (3, &[5]), (4, &[6])];
        let ms = |id| if id < 5 { 20 } else { 2 };
        assert_eq!(slices(&views, ms, 2), [(vec![1, 2, 5, 6], true), (vec![3, 4], true)]);
    }

    #[test]
    fn a_view_is_never_split() {
        let views: [(u64, &[u64]); 2] = [(7, &[1, 2, 3, 4, 5]), (9, &[5, 6])];
        assert_eq!(slices(&views, |_| 6, 2), [(vec![1, 2, 3, 4, 5, 6], true), (vec![], false)]);
    }

    #[test]
    fn everybody_has_their_turn_however_often_others_come_back() {
        let views = || BTreeMap::from([(1, BTreeSet::from([1])), (2, BTreeSet::from([2])), (3, BTreeSet::from([3]))]);
        let candidates: Vec<_> = (1..=3).map(|id| Candidate { id, cost: Duration::from_millis(30) }).collect();
        let mut last = 0;
        let turns = (0..6).map(|_| {
            last = choose(&candidates, views, last).turn.expect("not all have their turn at once");
            last
        });
        assert_eq!(turns.collect::<Vec<_>>(), [1, 2, 3, 1, 2, 3]);
    }
}
