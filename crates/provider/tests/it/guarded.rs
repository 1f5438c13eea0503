//! Addresses that users enter.

use kernel::{Code, Retry};
use provider::http::Http;
use serde_json::Value;

use crate::{
    host::{Host, json, reply},
    world::World,
};

#[tokio::test]
async fn a_users_address_does_not_lead_into_our_own_network() {
    let host = Host::new([json("{}")]).await;
    let mut world = World::new();
    world.options.breaker_failures = 1;
    let transport = world.transport();
    for name in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let http = Http::guarded(&transport, "webhook", host.url_as(name));
        for _ in 0..2 {
            let error = http.post("").send::<Value>().await.unwrap_err();
            assert_eq!((error.tag, error.code), ("address_forbidden", Code::BadRequest), "{name}: {error:?}");
            assert_eq!(error.retry(), Retry::Never);
        }
    }
    assert!(host.asked().is_empty());
}

#[tokio::test]
async fn a_declared_private_host_is_called() {
    let host = Host::new([json("{}")]).await;
    for name in ["localhost", "127.0.0.1"] {
        let mut world = World::new();
        world.options.private_hosts = vec![name.to_owned()];
        Http::guarded(&world.transport(), "webhook", host.url_as(name)).post("").send::<Value>().await.unwrap();
    }
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn a_declared_host_cannot_send_us_on() {
    let inside = Host::new([json("{}")]).await;
    let host = Host::new([reply(307, &[&format!("location: {}", inside.url())], "")]).await;
    let mut world = World::new();
    world.options.private_hosts = vec!["localhost".to_owned()];
    let http = Http::guarded(&world.transport(), "webhook", host.url_as("localhost"));
    assert_eq!(http.post("").send::<Value>().await.unwrap_err().tag, "vendor_redirect");
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn the_guard_holds_for_another_address_of_the_same_client() {
    let host = Host::new([json("{}")]).await;
    let mut world = World::new();
    world.options.private_hosts = vec!["localhost".to_owned()];
    let http = Http::guarded(&world.transport(), "webhook", host.url_as("localhost")).at(host.url());
    assert_eq!(http.get("").send::<Value>().await.unwrap_err().tag, "address_forbidden");
}
