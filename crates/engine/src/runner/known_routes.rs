//! Where routes lead, as this node remembers it.

use std::sync::PoisonError;

use kernel::{OrgId, Result, Scope};

use super::Node;
use crate::{
    queue::Seq,
    route::{self, Route},
};

/// Routes that are remembered. They are checked again in every transaction that uses them.
const ROUTES: usize = 10_000;

impl Node {
    /// The route of an event. None when none of its keys has one.
    pub(super) async fn find_route(&self, keys: &[String], seq: Seq) -> Result<Option<Route>> {
        {
            let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(route) = keys.first().and_then(|key| routes.get(key)) {
                return Ok(Some(route.clone()));
            }
        }
        let found = {
            let keys = keys.to_vec();
            self.db.read(&Scope::System, |tx| Box::pin(async move { route::find(tx, &keys, seq).await })).await?
        };
        let found = found.map(|found| found.route);
        if let Some(route) = &found {
            let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            if routes.len() >= ROUTES {
                routes.clear();
            }
            routes.insert(route.key.clone(), route.clone());
        }
        Ok(found)
    }

    /// Forgets the routes of an organization.
    pub(super) fn forget_routes_of(&self, organization: &OrgId) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| route.organization != *organization);
    }

    pub(super) fn forget_routes(&self, keys: &[String]) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            routes.remove(key);
        }
    }
}
