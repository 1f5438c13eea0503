//! One header with time and signatures: `t=1700000000,v1=…`, over `{t}.{body}`.

use std::time::Duration;

use data_encoding::HEXLOWER;
use kernel::{Result, Time};

use super::{Headers, Keys, Window, header, keys::hex, malformed};
use crate::WebhookRequest;

/// The parameters of the scheme, which differ between vendors.
#[derive(Clone, Copy, Debug)]
pub struct Stamped {
    /// The name of the header.
    pub header: &'static str,
    /// The unit of `t`.
    pub unit: Unit,
    /// How long after signing the vendor's own library accepts a request.
    pub window: Window,
    /// The separator that the vendor writes between the parts; white space around parts is always accepted.
    pub separator: &'static str,
}

/// The unit of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
}

impl Unit {
    /// Parses a timestamp.
    pub fn parse(self, text: &str) -> Option<Time> {
        let number = text.parse().ok()?;
        Some(match self {
            Self::Seconds => Time::from_seconds(number),
            Self::Milliseconds => Time::from_ms(number),
        })
    }

    /// Writes a timestamp.
    pub fn text(self, time: Time) -> String {
        match self {
            Self::Seconds => time.seconds().to_string(),
            Self::Milliseconds => time.ms().to_string(),
        }
    }
}

impl Stamped {
    /// Creates a scheme that accepts requests that were signed up to `past` ago.
    pub const fn new(header: &'static str, unit: Unit, past: Duration, separator: &'static str) -> Self {
        Self { header, unit, window: Window::past(past), separator }
    }

    /// Checks that one of the `v1` signatures matches, and the time of signing.
    ///
    /// # Errors
    /// `Unauthenticated` when it does not.
    pub fn verify(&self, keys: &Keys, request: &WebhookRequest<'_>) -> Result<()> {
        let value = header(request, &[self.header])?;
        let parts = || value.split(',').filter_map(|part| part.trim().split_once('='));
        let stamp = parts().find(|(name, _)| *name == "t").map(|(_, stamp)| stamp);
        let stamp = stamp.ok_or_else(|| malformed(self.header))?;
        let signed = self.unit.parse(stamp).ok_or_else(|| malformed(self.header))?;
        self.window.check(signed, request.received_at)?;
        let signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, signature)| hex(signature));
        keys.verify(&[stamp.as_bytes(), b".", request.body], signatures)
    }

    /// Returns the header of this request, signed at its `received_at`.
    pub fn sign(&self, keys: &Keys, request: &WebhookRequest<'_>) -> Headers {
        let stamp = self.unit.text(request.received_at);
        let signature = HEXLOWER.encode(&keys.sign(&[stamp.as_bytes(), b".", request.body]));
        vec![(self.header, format!("t={stamp}{}v1={signature}", self.separator))]
    }
}
