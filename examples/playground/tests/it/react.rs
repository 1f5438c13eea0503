//! The hooks of `convex/react`, and those of TanStack Query, in a page.

use super::script::node;

/// A page, and React in it.
const PAGE: &str = include_str!("../node/page.mjs");

#[tokio::test]
async fn components_show_what_the_hooks_promise() {
    node(&[PAGE, include_str!("../node/react.mjs")]).await;
}

#[tokio::test]
async fn a_list_of_pages_is_the_list_whatever_happens_at_the_borders_of_its_pages() {
    node(&[PAGE, include_str!("../node/pages.mjs")]).await;
}

#[tokio::test]
async fn components_that_ask_by_the_hooks_of_tanstack_query_are_kept_up_to_date_too() {
    node(&[PAGE, include_str!("../node/bridge.mjs")]).await;
}
