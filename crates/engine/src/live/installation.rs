//! Tables of the installation: which organizations have to hear that they were written.
//!
//! They are written all the time (the queue is among them), so a commit must not knock at every organization's door.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::OrgId;
use store::Table;

use super::tenant::Tenant;

type Tenants = HashMap<Option<OrgId>, Arc<Tenant>>;

#[derive(Default)]
pub(super) struct Installation(Mutex<Listeners>);

#[derive(Default)]
struct Listeners {
    /// Who reads a table.
    readers: HashMap<Table, Tenants>,
    /// Who has a refresh running: it may turn out to read any table. A few at a time.
    refreshing: Tenants,
}

impl Installation {
    /// Who has to hear that these were written.
    pub(super) fn listeners(&self, tables: &BTreeSet<Table>) -> Vec<Arc<Tenant>> {
        let listeners = self.lock();
        let mut tenants = listeners.refreshing.clone();
        for readers in tables.iter().filter_map(|table| listeners.readers.get(table)) {
            tenants.extend(readers.iter().map(|(organization, tenant)| (organization.clone(), tenant.clone())));
        }
        tenants.into_values().collect()
    }

    /// From now on the tenant hears of every table.
    pub(super) fn begin_refresh(&self, tenant: &Arc<Tenant>) {
        self.lock().refreshing.insert(tenant.organization.clone(), tenant.clone());
    }

    /// From now on it hears of the tables that it reads.
    pub(super) fn end_refresh(&self, tenant: &Arc<Tenant>) {
        forget(&mut self.lock().refreshing, tenant);
    }

    /// The tenant reads a table.
    pub(super) fn watch(&self, table: &Table, tenant: &Arc<Tenant>) {
        let mut listeners = self.lock();
        let readers = listeners.readers.entry(table.clone()).or_default();
        readers.insert(tenant.organization.clone(), tenant.clone());
    }

    /// The tenant reads it no more.
    pub(super) fn unwatch(&self, table: &Table, tenant: &Arc<Tenant>) {
        let mut listeners = self.lock();
        let Some(readers) = listeners.readers.get_mut(table) else { return };
        forget(readers, tenant);
        if readers.is_empty() {
            listeners.readers.remove(table);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes it, but not a newer one of the same organization.
fn forget(tenants: &mut Tenants, tenant: &Arc<Tenant>) {
    if tenants.get(&tenant.organization).is_some_and(|known| Arc::ptr_eq(known, tenant)) {
        tenants.remove(&tenant.organization);
    }
}
