//! What all calls of the process share: two connection pools, the clock and the source of randomness.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use kernel::{Clock, Error, Random, Result};
use reqwest::{Client, NoProxy, Proxy, redirect::Policy};

use super::{
    Options, Reach,
    guard::{Guard, GuardedResolver},
};

const USER_AGENT: &str = concat!("trunkline/", env!("CARGO_PKG_VERSION"));

/// The transport of all outgoing calls. Created once per process; clones share everything.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    options: Options,
    guard: Arc<Guard>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    // Created at first use: loading the machine's root certificates takes longer than starting the rest of the server,
    // and an installation without external vendors does not need them.
    anywhere: OnceLock<Client>,
    public: OnceLock<Client>,
}

impl Transport {
    /// Creates a transport with these options.
    pub fn new(options: Options, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let guard = Arc::new(Guard::new(&options.private_hosts));
        let (anywhere, public) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Shared { options, guard, clock, random, anywhere, public }))
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    pub(super) fn random(&self) -> &dyn Random {
        &*self.0.random
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    pub(super) fn client(&self, reach: Reach) -> Result<&Client> {
        let place = match reach {
            Reach::Anywhere => &self.0.anywhere,
            Reach::Public => &self.0.public,
        };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let client = self.build(reach).map_err(|error| {
            let advice = "outgoing TLS cannot be set up: are the root certificates of this machine installed?";
            Error::config("tls_unavailable", advice).source(error)
        })?;
        Ok(place.get_or_init(|| client))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place that everybody else is sent to")]
    fn build(&self, reach: Reach) -> Result<Client, reqwest::Error> {
        let options = &self.0.options;
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(options.connect_timeout)
            // A redirect could lead anywhere, with our credentials.
            .redirect(Policy::none())
            .referer(false)
            // Retries are decided in one place, which knows what is safe.
            .retry(reqwest::retry::never())
            .no_proxy();
        match (reach, &options.proxy) {
            (Reach::Public, _) => builder.dns_resolver(GuardedResolver(self.0.guard.clone())).build(),
            (Reach::Anywhere, Some(proxy)) => {
                let local = NoProxy::from_string("localhost,127.0.0.1,::1");
                builder.proxy(Proxy::all(proxy.as_str())?.no_proxy(local)).build()
            }
            (Reach::Anywhere, None) => builder.build(),
        }
    }
}

/// Without the proxy, whose address may contain a password.
impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
