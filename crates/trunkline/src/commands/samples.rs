//! The samples that `dev` prints: payloads as the vendors send them, about the demo organization.

/// A payload to post.
pub(crate) struct Sample {
    /// The vendor.
    pub(crate) provider: &'static str,
    /// The meaning of the event, for people.
    pub(crate) about: &'static str,
    /// The body.
    pub(crate) body: &'static str,
    /// A header that the vendor sends besides the signature.
    pub(crate) header: Option<(&'static str, &'static str)>,
}

/// The phone number ids of the demo organization's connections, by vendor.
pub(crate) const CONNECTIONS: [(&str, &str, &str); 2] =
    [("whatsapp", "106540352242922", "Demo on WhatsApp"), ("kapso", "647015955153740", "Demo on Kapso")];

/// The events that are posted at the start: one subscription for each payments vendor.
pub(crate) const SEEDS: [Sample; 3] = [
    Sample {
        provider: "stripe",
        about: "an active subscription",
        body: include_str!("../../samples/seed/stripe.json"),
        header: None,
    },
    Sample {
        provider: "polar",
        about: "a subscription on trial",
        body: include_str!("../../samples/seed/polar.json"),
        header: None,
    },
    Sample {
        provider: "lemon-squeezy",
        about: "an active subscription",
        body: include_str!("../../samples/seed/lemon-squeezy.json"),
        header: None,
    },
];

/// The events that `dev` suggests to post.
pub(crate) const SAMPLES: [Sample; 5] = [
    Sample {
        provider: "whatsapp",
        about: "a message from Ada",
        body: include_str!("../../samples/whatsapp.json"),
        header: None,
    },
    Sample {
        provider: "kapso",
        about: "a message from Emmy",
        body: include_str!("../../samples/kapso.json"),
        header: Some(("X-Webhook-Event", "whatsapp.message.received")),
    },
    Sample {
        provider: "stripe",
        about: "the subscription is past due",
        body: include_str!("../../samples/stripe.json"),
        header: None,
    },
    Sample {
        provider: "polar",
        about: "the trial became a subscription",
        body: include_str!("../../samples/polar.json"),
        header: None,
    },
    Sample {
        provider: "lemon-squeezy",
        about: "the subscription was cancelled",
        body: include_str!("../../samples/lemon-squeezy.json"),
        header: None,
    },
];
