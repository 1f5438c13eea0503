//! The npm package in Node: `ConvexClient` over a connection that is cut and with a server that is killed, and
//! `ConvexHttpClient`.

use super::script::node;

#[tokio::test]
async fn the_npm_client_sees_every_change_once_and_in_order_whatever_happens_to_the_wire_and_the_server() {
    node(&[include_str!("../node/client.mjs")]).await;
}

#[tokio::test]
async fn the_http_client_calls_in_order_and_as_somebody() {
    node(&[include_str!("../node/http.mjs")]).await;
}

#[tokio::test]
async fn mutations_that_wait_are_each_done_once_in_their_order() {
    node(&[include_str!("../node/queue.mjs")]).await;
}
