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

/// An external service. An implementation is one file in `vendors` and one entry in its category's list.
pub trait Vendor: 'static {
    /// The name in paths, tables and commands: `stripe`.
    const ID: &'static str;
    /// The name for people: `Stripe`.
    const TITLE: &'static str;
    /// Further paths at which its webhooks arrive, besides `/webhooks/{ID}`: the ones that products have already
    /// registered.
    const WEBHOOK_PATHS: &'static [&'static str] = &[];

    /// The settings for calling the vendor.
    type Settings: Settings;
    /// The settings for receiving its webhooks. They are independent of [`Vendor::Settings`]: either works without the
    /// other. [`NoWebhooks`] for a vendor that sends none.
    type WebhookSettings: Settings;

    /// Returns what the operator should do soon although the settings are complete, such as move to another version.
    /// Most vendors return none.
    fn advice(_settings: &Self::Settings, _now: Time) -> Option<String> {
        None
    }

    /// Returns the issuers of tokens that come with the vendor. Most vendors return none.
    fn issuing() -> Option<Issuing> {
        None
    }

    /// Creates the webhook source. A vendor with [`NoWebhooks`] leaves it out.
    ///
    /// # Errors
    /// `Config` when a setting is wrong; the message names the variable.
    fn webhooks(_settings: Self::WebhookSettings) -> Result<BoxedSource> {
        Err(Error::unsupported("webhooks"))
    }
}

/// The webhook source of any vendor.
pub type BoxedSource = Box<dyn WebhookSource>;

/// The webhook settings of a vendor that sends none: they have no variables, so that they are never set.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct NoWebhooks {}

/// An entry of the registry: a vendor, without its type.
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
    /// Checks [`Vendor::Settings`], and returns [`Vendor::advice`].
    pub check: fn(&Variables, Time) -> Result<Loaded<Option<String>>>,
    /// Creates the webhook source; none when its settings are absent.
    pub webhooks: fn(&Variables) -> Result<Option<BoxedSource>>,
}

impl VendorEntry {
    /// Creates the entry of `V`, in `category`.
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

/// Returns whether the only settings of the client that are set are those of its tokens; then the client is off, and
/// not half configured.
fn only_for_tokens<V: Vendor>(variables: &Variables) -> bool {
    let tokens: Vec<_> = V::issuing().into_iter().flat_map(|issuing| (issuing.fields)()).collect();
    let is_set = |field: &&Field| variables.get(&field.variable).is_some();
    let mut set = settings::fields::<V::Settings>();
    set.retain(|field| is_set(&field));
    !set.is_empty() && set.iter().all(|field| tokens.iter().any(|token| token.variable == field.variable))
}

impl VendorEntry {
    /// Returns the issuers whose tokens are accepted by the vendor's settings; none when they are not set.
    ///
    /// # Errors
    /// `Config`, naming the variable, when they are incomplete or wrong.
    pub fn issuers(&self, variables: &Variables) -> Result<Vec<Issuer>> {
        (self.issuing)().map_or_else(|| Ok(Vec::new()), |issuing| (issuing.issuers)(variables))
    }

    /// Creates the webhook source from its secret alone, for `trunkline sign` and tests. Where a vendor needs two
    /// values, they are written `user:password`.
    ///
    /// # Errors
    /// `Unsupported` for a vendor without webhooks, `Config` when the secret is malformed.
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
    /// They can be received.
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
    /// Reads the settings of every vendor.
    ///
    /// # Errors
    /// `Config`, naming the variable, when a vendor's settings for webhooks or tokens are incomplete or wrong.
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

    /// Returns the issuers whose tokens are accepted.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Returns the vendor with the name `id`.
    pub fn get(&self, id: &str) -> Option<(&VendorEntry, &WebhookState)> {
        self.vendors.get(id).map(|(entry, state)| (entry, state))
    }

    /// Returns all vendors, by id.
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
