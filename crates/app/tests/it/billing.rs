use app::billing::{self, Subscription};
use kernel::{Limits, OrgId, Time};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use provider::payments::{self, Change, Notice, Owner, Period, Plan, Product, Snapshot, Status, Step};
use testkit::{TestDb, both};

use crate::installation::{Installation, create};

pub(crate) fn shown(id: &str, seconds: i64, status: Status) -> payments::Subscription {
    payments::Subscription {
        id: id.to_owned(),
        customer: Some("cus_1".to_owned()),
        organizations: Vec::new(),
        at: Some(Time::from_seconds(seconds)),
        step: Step::Updated,
        ended: false,
        status,
        vendor_status: status.as_str().to_owned(),
        plan: Plan { product: Some("prod_1".to_owned()), price: Some("price_1".to_owned()), name: None },
        period: Period::default(),
        trial_end: None,
        cancel_at_period_end: false,
        ends_at: None,
        limits: Limits::default(),
        product: None,
    }
}

fn ended(id: &str, seconds: i64) -> payments::Subscription {
    payments::Subscription { ended: true, step: Step::Ended, ..shown(id, seconds, Status::Cancelled) }
}

/// Returns an event whose metadata name this organization, or none.
fn of(organization: &str, subscription: payments::Subscription) -> Notice {
    let owner = Owner {
        organizations: Some(organization.to_owned()).filter(|name| !name.is_empty()).into_iter().collect(),
        customer: subscription.customer.clone(),
        subscription: Some(subscription.id.clone()),
    };
    Notice { owner, change: Change::Subscription(Box::new(subscription)) }
}

fn state(seconds: i64, running: Vec<payments::Subscription>) -> Notice {
    let snapshot = Snapshot { customer: "cus_1".to_owned(), at: Some(Time::from_seconds(seconds)), running };
    let owner = Owner { customer: Some("cus_1".to_owned()), ..Owner::default() };
    Notice { owner, change: Change::Snapshot(snapshot) }
}

async fn subscriptions(it: &Installation, organization: &OrgId) -> Vec<Subscription> {
    let mut all = billing::subscriptions(&it.app.db, organization, 100).await.expect("subscriptions can be listed");
    all.sort_by(|one, other| one.external_id.cmp(&other.external_id));
    all
}

async fn status(it: &Installation) -> Vec<Status> {
    subscriptions(it, &it.acme).await.into_iter().map(|subscription| subscription.status).collect()
}

#[tokio::test]
async fn a_stale_event_does_not_bring_back_what_was_deleted() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.pay(of("acme", shown("sub_1", 100, Status::Active))).await;
        it.pay(of("acme", ended("sub_1", 200))).await;
        it.pay(of("acme", shown("sub_1", 150, Status::Active))).await;
        it.pay(of("acme", shown("sub_1", 300, Status::Active))).await;
        assert_eq!(status(&it).await, [Status::Cancelled]);
        assert_eq!((it.app.count("processed").await, it.app.count("ignored").await), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn an_event_waits_until_somebody_says_whose_it_is() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.pay(of("", shown("sub_1", 100, Status::Active))).await;
        it.pay(of("newcomer", shown("sub_2", 100, Status::Trialing))).await;
        assert_eq!(it.app.count("unresolved").await, 2);
        let customer =
            Owner { organizations: vec!["acme".to_owned()], customer: Some("cus_1".to_owned()), subscription: None };
        it.pay(Notice { owner: customer, change: Change::Owned }).await;
        assert_eq!(status(&it).await, [Status::Active, Status::Trialing], "the customer is known now");
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_waits_for_its_organization() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.pay(of("newcomer", shown("sub_1", 100, Status::Active))).await;
        assert_eq!(it.app.count("unresolved").await, 1);
        let newcomer = create(&it.app, "newcomer").await;
        it.app.run_jobs().await;
        assert_eq!(subscriptions(&it, &newcomer).await[0].status, Status::Active);
        // Later events need not name the organization.
        it.pay(of("", shown("sub_1", 200, Status::PastDue))).await;
        it.pay(of("", shown("sub_2", 200, Status::Active))).await;
        let found: Vec<_> = subscriptions(&it, &newcomer).await.into_iter().map(|s| s.status).collect();
        assert_eq!(found, [Status::PastDue, Status::Active]);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_stays_where_it_is_whatever_later_metadata_say() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let mallory = create(&it.app, "mallory").await;
        it.pay(of("acme", shown("sub_1", 100, Status::Active))).await;
        it.pay(of("mallory", shown("sub_1", 200, Status::Cancelled))).await;
        assert_eq!(status(&it).await, [Status::Cancelled], "the event is about acme's subscription");
        assert!(subscriptions(&it, &mallory).await.is_empty());
        // One person may pay for two organizations with one customer at the vendor.
        it.pay(of("mallory", shown("sub_2", 200, Status::Active))).await;
        assert_eq!(subscriptions(&it, &mallory).await.len(), 1);
        it.pay(of("", shown("sub_3", 300, Status::Active))).await;
        assert_eq!(subscriptions(&it, &it.acme).await.len(), 2, "the customer itself was acme's first");
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_ends_what_is_not_in_it_and_brings_what_is_new() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        it.pay(of("acme", shown("sub_1", 100, Status::Active))).await;
        it.pay(of("acme", shown("sub_2", 100, Status::PastDue))).await;
        it.pay(of("acme", shown("sub_3", 100, Status::Incomplete))).await;
        it.pay(state(200, vec![shown("sub_4", 200, Status::Active)])).await;
        assert_eq!(status(&it).await, [Status::Cancelled, Status::PastDue, Status::Incomplete, Status::Active]);
        assert_eq!(subscriptions(&it, &it.acme).await[0].ends_at, Some(Time::from_seconds(200)));
        it.pay(of("acme", shown("sub_1", 150, Status::Trialing))).await;
        assert_eq!(status(&it).await[0], Status::Cancelled, "still older than the snapshot");
        it.pay(of("acme", shown("sub_3", 300, Status::Active))).await;
        it.pay(state(150, Vec::new())).await;
        assert_eq!(status(&it).await[2..], [Status::Active, Status::Active], "an older snapshot says nothing");
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_does_not_take_what_another_organization_pays_for() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let other = create(&it.app, "other").await;
        it.pay(of("acme", shown("sub_1", 100, Status::Active))).await;
        it.pay(of("other", shown("sub_2", 100, Status::Active))).await;
        let named =
            payments::Subscription { organizations: vec!["other".to_owned()], ..shown("sub_3", 200, Status::Active) };
        let running = vec![shown("sub_1", 200, Status::Active), shown("sub_2", 200, Status::Active), named];
        it.pay(state(200, running)).await;
        assert_eq!(subscriptions(&it, &it.acme).await.len(), 1);
        it.pay(of("other", shown("sub_3", 200, Status::Active))).await;
        assert_eq!(subscriptions(&it, &other).await.len(), 2);
        it.is_healthy().await;
    })
    .await;
}

#[tokio::test]
async fn limits_are_the_subscriptions_own_and_else_its_products() {
    both(|database| async move {
        let it = Installation::start(&database).await;
        let limits = |customers, staff| Limits { max_customers: customers, max_staff: staff, max_clients: None };
        let product = |seconds, name: &str, limits| Product {
            id: "prod_1".to_owned(),
            name: Some(name.to_owned()),
            limits,
            at: Some(Time::from_seconds(seconds)),
        };
        let own = payments::Subscription { limits: limits(None, Some(9)), ..shown("sub_1", 100, Status::Active) };
        it.pay(of("acme", own)).await;
        assert_eq!(subscriptions(&it, &it.acme).await[0].plan_name, None);
        let sold = |product| Notice { owner: Owner::default(), change: Change::Product(product) };
        it.pay(sold(product(200, "Pro", limits(Some(50), Some(5))))).await;
        it.pay(sold(product(100, "Old", limits(Some(1), Some(1))))).await;
        let subscription = subscriptions(&it, &it.acme).await.remove(0);
        assert_eq!(subscription.limits, limits(Some(50), Some(9)));
        assert_eq!(subscription.plan_name.as_deref(), Some("Pro"));
        let json = serde_json::to_value(&subscription).unwrap();
        assert_eq!(
            (&json["maxCustomers"], &json["planId"], &json["status"]),
            (&50.into(), &"prod_1".into(), &"active".into())
        );
        let shown_whole = payments::Subscription {
            product: Some(product(300, "Pro 2", limits(Some(60), None))),
            ..shown("sub_2", 300, Status::Active)
        };
        it.pay(of("acme", shown_whole)).await;
        assert_eq!(subscriptions(&it, &it.acme).await[1].limits, limits(Some(60), None));
        assert_eq!(billing::products(&it.app.db).await.unwrap().len(), 1);
    })
    .await;
}

/// Generates one event about two subscriptions of a customer, with so few times that many events share one.
fn any_notice() -> impl Strategy<Value = Notice> {
    let subscription = (0..2, 0..4_i64, 0..Status::ALL.len(), 0..3_usize, any::<bool>(), option::of(0..3_i64))
        .prop_map(|(id, seconds, status, step, ended, staff)| payments::Subscription {
            step: [Step::Created, Step::Updated, Step::Ended][step],
            ended: ended && step == 2,
            limits: Limits { max_staff: staff, ..Limits::default() },
            ..shown(&format!("sub_{id}"), seconds, Status::ALL[status])
        });
    let running = vec((0..2, any::<bool>()), 0..3);
    let snapshot = (0..4_i64, running).prop_map(|(seconds, running)| {
        let status = |trial| if trial { Status::Trialing } else { Status::Active };
        let running = running.into_iter().map(|(id, trial)| shown(&format!("sub_{id}"), seconds, status(trial)));
        let Notice { change, .. } = state(seconds, running.collect());
        let owner =
            Owner { organizations: vec!["acme".to_owned()], customer: Some("cus_1".to_owned()), subscription: None };
        Notice { owner, change }
    });
    prop_oneof![3 => subscription.prop_map(|subscription| of("acme", subscription)), 1 => snapshot]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_events_in_any_order_and_number_end_in_the_same_state(
        notices in vec(any_notice(), 1..9),
        order in vec(any::<Index>(), 0..30),
    ) {
        // Every event at least once, then some again, then all of them in another order.
        let mut shuffled: Vec<_> = notices.iter().chain(order.iter().map(|index| index.get(&notices))).cloned().collect();
        for (at, index) in order.iter().enumerate() {
            let other = index.index(shuffled.len());
            let len = shuffled.len();
            shuffled.swap(at % len, other);
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (one, other) = runtime.block_on(async { (outcome(notices).await, outcome(shuffled).await) });
        prop_assert_eq!(one, other);
    }
}

/// Returns the stored state after the events, without what differs each time.
async fn outcome(notices: Vec<Notice>) -> Vec<serde_json::Value> {
    let (told, outcome) = tokio::sync::oneshot::channel();
    testkit::sqlite(|database: TestDb| async move {
        let it = Installation::start(&database).await;
        for notice in notices {
            it.pay(notice).await;
        }
        it.is_healthy().await;
        let subscriptions = subscriptions(&it, &it.acme).await;
        let without_ids = subscriptions.iter().map(|subscription| {
            let mut json = serde_json::to_value(subscription).expect("a subscription is JSON");
            json.as_object_mut().expect("it is an object").retain(|name, _| !name.starts_with('_'));
            json
        });
        told.send(without_ids.collect()).expect("the test waits for it");
    })
    .await;
    outcome.await.expect("the test told it")
}
