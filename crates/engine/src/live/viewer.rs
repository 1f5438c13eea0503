//! A viewer: everybody on this node who showed the same credentials in the same organization.

use std::{collections::HashMap, sync::Arc};

use kernel::{Error, Time};
use tokio::sync::Notify;

use super::{Hub, expiry::Due, tenant::Tenant};
use crate::operation::{Caller, Who};

/// All the views of one person, or of one key. Who that is has a read set too: a changed role changes answers.
pub(super) struct Viewer {
    pub(super) number: u64,
    /// What they showed: the credentials that last longest.
    pub(super) who: Who,
    /// Their views.
    pub(super) watchers: HashMap<u64, Arc<Notify>>,
    pub(super) resolution: Resolution,
    pub(super) resolved_at: Time,
    /// When the resolution may end by time alone.
    until: Option<Time>,
}

/// Who a viewer is.
pub(super) enum Resolution {
    /// Nobody has found out yet.
    Unresolved,
    /// This caller, whose answers are those of this audience.
    Caller { caller: Arc<Caller>, audience: Arc<str> },
    /// Nobody any more: what they showed is worth nothing.
    Refused(Arc<Error>),
}

impl Viewer {
    pub(super) fn new(number: u64, who: Who) -> Self {
        Self {
            number,
            who,
            watchers: HashMap::new(),
            resolution: Resolution::Unresolved,
            resolved_at: Time::default(),
            until: None,
        }
    }

    /// Has the viewer resolved again when the resolution ends by time.
    pub(super) fn expire(&mut self, hub: &Hub, tenant: &Arc<Tenant>, credentials: &Arc<str>) {
        let until = match &self.resolution {
            Resolution::Caller { caller, .. } => caller.until,
            Resolution::Unresolved | Resolution::Refused(_) => None,
        };
        hub.expiries.remove(self.until, self.number);
        let (tenant, credentials) = (Arc::downgrade(tenant), credentials.clone());
        hub.expiries.add(until, self.number, Due::Viewer { tenant, credentials });
        self.until = until;
    }

    /// They leave.
    pub(super) fn end(&self, hub: &Hub) {
        hub.expiries.remove(self.until, self.number);
    }
}

impl Resolution {
    /// Whether two resolutions are the same person with the same rights. Which of several tokens was resolved says nothing.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Caller { caller: one, .. }, Self::Caller { caller: other, .. }) => {
                let known = |caller: &Caller| (caller.organization.clone(), caller.member.clone(), caller.key_role);
                known(one) == known(other)
            }
            (Self::Refused(_) | Self::Unresolved | Self::Caller { .. }, _) => false,
        }
    }
}
