//! Who watches: organizations with people and a customer, made through the same operations that a product calls.

use std::net::SocketAddr;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use testkit::Tokens;

use super::marks;
use crate::http::Http;

/// Calls at the same time while organizations are made.
const AT_ONCE: usize = 16;

/// An organization with one customer.
#[derive(Clone)]
pub(crate) struct Organization {
    /// Its number here.
    number: usize,
    id: String,
    pub(crate) customer: String,
    /// How many people are in it, besides its owner.
    viewers: usize,
}

/// All of them.
pub(crate) struct People {
    tokens: Tokens,
    /// The one whose people all watch the same.
    pub(crate) large: Organization,
    pub(crate) small: Vec<Organization>,
}

impl People {
    /// Makes one organization with `viewers` people, and `small` ones with nine people beside their owner.
    pub(crate) async fn settle(
        address: SocketAddr,
        tokens: Tokens,
        viewers: usize,
        small: usize,
    ) -> anyhow::Result<Self> {
        let large = found(address, &tokens, 0, viewers).await?;
        let making = (1..=small).map(|number| found(address, &tokens, number, 9));
        let mut small: Vec<_> = stream::iter(making).buffer_unordered(AT_ONCE).try_collect().await?;
        small.sort_by_key(|organization| organization.number);
        Ok(Self { tokens, large, small })
    }

    /// The token of somebody: the owner is number 0, and there are as many people as there are.
    pub(crate) fn token(&self, organization: &Organization, person: usize) -> String {
        organization.token(&self.tokens, person % (organization.viewers + 1))
    }
}

impl Organization {
    fn token(&self, tokens: &Tokens, person: usize) -> String {
        let subject = format!("person-{}-{person}", self.number);
        let email = format!("{subject}@example.com");
        match person {
            0 => tokens.token(&subject, json!({ "email": email })),
            _ => tokens.token(&subject, json!({ "email": email, "org_id": self.id, "role": "viewer" })),
        }
    }
}

async fn found(address: SocketAddr, tokens: &Tokens, number: usize, viewers: usize) -> anyhow::Result<Organization> {
    let mut organization = Organization { number, id: String::new(), customer: String::new(), viewers };
    let mut http = Http::open(address).await?;
    let owner = organization.token(tokens, 0);
    let name = json!({ "name": format!("Organization {number}") });
    let made = http.call("mutation", &owner, "organizations:create", &name).await?;
    organization.id = id(&made)?;
    let customer = json!({ "name": "Customer", "notes": marks::text(0) });
    let made = http.call("mutation", &owner, "customers:create", &customer).await?;
    organization.customer = id(&made)?;
    for person in 1..=viewers {
        let token = organization.token(tokens, person);
        http.call("action", &token, "users:syncCurrent", &json!({})).await?;
    }
    Ok(organization)
}

fn id(made: &Value) -> anyhow::Result<String> {
    Ok(made["_id"].as_str().context("what was made has no id")?.to_owned())
}
