//! A vendor, and the registry that the binary builds from all of them.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{Error, Result, Time};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    WebhookSource,
    auth::{Issuer, Issuing},
    settings::{self, Field, Loaded, Settings, Variables},
};

/// One outside service. An implementation is one file in `vendors` and one entry in its category's list.
pub trait Vendor: 'static {
    /// The name in paths, tables and commands: `stripe`.
    const ID: &'static str;
    /// The name for people: `Stripe`.
    const TITLE: &'static str;
    /// Where its webhooks also arrive, besides `/webhooks/{ID}`: the paths that products have already registered.
    const WEBHOOK_PATHS: &'static [&'static str] = &[];

    /// What calling the vendor needs.
    type Settings: Settings;
    /// What receiving its webhooks needs. Independent of [`Vendor::Settings`]: either works without the other.
    /// [`NoWebhooks`] for a vendor that sends none.
    type WebhookSettings: Settings;

    /// What must be done soon although the settings are complete, such as a version to move to. Most vendors have nothing.
    fn advice(_settings: &Self::Settings, _now: Time) -> Option<String> {
        None
    }

    /// The issuers of tokens that it brings. Most vendors have none.
    fn issuing() -> Option<Issuing> {
        None
    }

    /// The receiving side. A vendor with [`NoWebhooks`] leaves it out.
    ///
    /// # Errors
    /// `Config` when a setting is not what it should be; the message names the variable.
    fn webhooks(_settings: Self::WebhookSettings) -> Result<BoxedSource> {
        Err(Error::unsupported("webhooks"))
    }
}

/// A receiving side of any vendor.
pub type BoxedSource = Box<dyn WebhookSource>;

/// The webhook settings of a vendor that sends none: no variables, so that they are never set.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoWebhooks {}

/// What the registry knows of a vendor, without its type.
#[derive(Clone, Copy)]
pub struct VendorEntry {
    /// [`Vendor::ID`].
    pub id: &'static str,
    /// [`Vendor::TITLE`].
    pub title: &'static str,
    /// The category: `payments`.
    pub category: &'static str,
    /// [`Vendor::WEBHOOK_PATHS`].
    pub webhook_paths: &'static [&'static str],
    /// The variables of [`Vendor::Settings`].
    pub fields: fn() -> Vec<Field>,
    /// The variables of [`Vendor::WebhookSettings`].
    pub webhook_fields: fn() -> Vec<Field>,
    /// [`Vendor::issuing`].
    pub issuing: fn() -> Option<Issuing>,
    /// Whether [`Vendor::Settings`] are complete, with [`Vendor::advice`].
    pub check: fn(&Variables, Time) -> Result<Loaded<Option<String>>>,
    /// The receiving side: none when its settings are absent.
    pub webhooks: fn(&Variables) -> Result<Option<BoxedSource>>,
}

impl VendorEntry {
    /// The entry of `V`, in `category`.
    pub const fn of<V: Vendor>(category: &'static str) -> Self {
        Self {
            id: V::ID,
            title: V::TITLE,
            category,
            webhook_paths: V::WEBHOOK_PATHS,
            fields: settings::fields::<V::Settings>,
            webhook_fields: settings::fields::<V::WebhookSettings>,
            issuing: V::issuing,
            check: |variables, now| match settings::load::<V::Settings>(variables) {
                Ok(Loaded::On(settings)) => Ok(Loaded::On(V::advice(&settings, now))),
                Ok(Loaded::Off) => Ok(Loaded::Off),
                Err(_) if only_for_tokens::<V>(variables) => Ok(Loaded::Off),
                Err(error) => Err(error),
            },
            webhooks: |variables| match settings::load::<V::WebhookSettings>(variables)? {
                Loaded::Off => Ok(None),
                Loaded::On(settings) => V::webhooks(settings).map(Some),
            },
        }
    }
}

/// Whether nothing is set of the client's settings but what its tokens are believed by: then it is not half of them.
fn only_for_tokens<V: Vendor>(variables: &Variables) -> bool {
    let tokens: Vec<_> = V::issuing().into_iter().flat_map(|issuing| (issuing.fields)()).collect();
    let is_set = |field: &&Field| variables.get(&field.variable).is_some();
    let mut set = settings::fields::<V::Settings>();
    set.retain(|field| is_set(&field));
    !set.is_empty() && set.iter().all(|field| tokens.iter().any(|token| token.variable == field.variable))
}

impl VendorEntry {
    /// Whose tokens are believed by its settings: nobody's when they are not set.
    ///
    /// # Errors
    /// `Config` when they are half there or wrong, naming the variable.
    pub fn issuers(&self, variables: &Variables) -> Result<Vec<Issuer>> {
        (self.issuing)().map_or_else(|| Ok(Vec::new()), |issuing| (issuing.issuers)(variables))
    }

    /// The receiving side from nothing but its secret, for `trunkline sign` and tests. Where a vendor needs two values,
    /// they are written `user:password`.
    ///
    /// # Errors
    /// `Unsupported` for a vendor without webhooks, `Config` when the secret is not what it should be.
    pub fn webhooks_with(&self, secret: &str) -> Result<BoxedSource> {
        let required: Vec<_> = (self.webhook_fields)().into_iter().filter(|field| field.required).collect();
        let values = secret.splitn(required.len().max(1), ':');
        let variables = required.into_iter().zip(values).map(|(field, value)| (field.variable, value)).collect();
        (self.webhooks)(&variables)?.ok_or_else(|| Error::unsupported("webhooks"))
    }
}

/// Whether a vendor's webhooks can be received.
#[derive(Clone)]
pub enum WebhookState {
    /// Ready.
    On(Arc<dyn WebhookSource>),
    /// A setting is absent; the text names it and says how to get it.
    Off(String),
}

/// All vendors of this installation, by id.
pub struct Registry {
    vendors: BTreeMap<&'static str, (VendorEntry, WebhookState)>,
    issuers: Vec<Issuer>,
}

impl Registry {
    /// Reads every vendor's settings.
    ///
    /// # Errors
    /// `Config` when a vendor's settings for webhooks or tokens are half there or wrong, naming the variable.
    pub fn load(entries: impl IntoIterator<Item = VendorEntry>, variables: &Variables) -> Result<Self> {
        let mut vendors = BTreeMap::new();
        let mut issuers = Vec::new();
        for entry in entries {
            issuers.extend(entry.issuers(variables)?);
            let state = match (entry.webhooks)(variables)? {
                Some(source) => WebhookState::On(Arc::from(source)),
                None => WebhookState::Off(missing(&entry)),
            };
            if vendors.insert(entry.id, (entry, state)).is_some() {
                return Err(Error::internal("vendor_twice", format!("two vendors are called {}", entry.id)));
            }
        }
        Ok(Self { vendors, issuers })
    }

    /// Whose tokens are believed.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The vendor called `id`.
    pub fn get(&self, id: &str) -> Option<(&VendorEntry, &WebhookState)> {
        self.vendors.get(id).map(|(entry, state)| (entry, state))
    }

    /// All vendors, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&VendorEntry, &WebhookState)> {
        self.vendors.values().map(|(entry, state)| (entry, state))
    }
}

fn missing(entry: &VendorEntry) -> String {
    let fields = (entry.webhook_fields)();
    let needed: Vec<_> = fields.iter().filter(|field| field.required).collect();
    if needed.is_empty() {
        return format!("{} sends no webhooks", entry.title);
    }
    let names = needed.iter().map(|field| field.variable.as_str()).collect::<Vec<_>>().join(" and ");
    let hint = needed.first().map_or("", |field| field.doc.as_str());
    let verb = if needed.len() == 1 { "is" } else { "are" };
    format!("webhooks of {} are off: {names} {verb} not set. {hint}", entry.title)
}
