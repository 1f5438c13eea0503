//! The vendors that send webhooks, played with their own signatures.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use provider::WebhookRequest;

use crate::harness::{Installation, PUBLIC, Request, now};

/// A vendor, as these tests play it.
#[derive(Clone, Copy)]
pub(crate) struct Vendor {
    pub(crate) id: &'static str,
    /// The variables that turn its webhooks on.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// The secret in these variables, and another one.
    pub(crate) secret: &'static str,
    pub(crate) other_secret: &'static str,
    /// An event.
    pub(crate) body: &'static str,
    /// Whether the signature covers the body; some vendors only send a password.
    pub(crate) covers_body: bool,
}

const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_STANDARD: &str = "whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVmISE=";
/// The public keys of the private keys 0x0101…01 and 0x0202…02.
const SENDGRID: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEb/A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY8T3U6Vb8B3FP2wLDH7ueLQMb/fSWpbiKCuYnO9xwUSg==";
const OTHER_SENDGRID: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVQ9HEAPz35fD31Bqx5f2ch+xoft7j2+D0iRJimXIjiQTYJPXAS5QmnNxXL0LAKPMD/S1wBs/+hlqsfsycDa45g==";

pub(crate) const GENERIC: Vendor = Vendor {
    id: "generic",
    variables: &[("GENERIC_WEBHOOK_SECRET", STANDARD)],
    secret: STANDARD,
    other_secret: OTHER_STANDARD,
    body: r#"{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1"}}"#,
    covers_body: true,
};

pub(crate) const WHATSAPP: Vendor = Vendor {
    id: "whatsapp",
    variables: &[("WHATSAPP_APP_SECRET", "app_secret")],
    secret: "app_secret",
    other_secret: "another_secret",
    body: include_str!("../../samples/whatsapp.json"),
    covers_body: true,
};

pub(crate) const KAPSO: Vendor = Vendor {
    id: "kapso",
    variables: &[("KAPSO_WEBHOOK_SECRET", "kapso_secret")],
    secret: "kapso_secret",
    other_secret: "another_secret",
    body: include_str!("../../samples/kapso.json"),
    covers_body: true,
};

pub(crate) const STRIPE: Vendor = Vendor {
    id: "stripe",
    variables: &[("STRIPE_WEBHOOK_SECRET", "whsec_test_secret")],
    secret: "whsec_test_secret",
    other_secret: "whsec_another_secret",
    body: include_str!("../../samples/seed/stripe.json"),
    covers_body: true,
};

pub(crate) const POLAR: Vendor = Vendor {
    id: "polar",
    variables: &[("POLAR_WEBHOOK_SECRET", "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK")],
    secret: "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK",
    other_secret: "whsec_this is text and not base64",
    body: include_str!("../../samples/seed/polar.json"),
    covers_body: true,
};

pub(crate) const LEMON_SQUEEZY: Vendor = Vendor {
    id: "lemon-squeezy",
    variables: &[("LEMON_SQUEEZY_WEBHOOK_SECRET", "ls_secret")],
    secret: "ls_secret",
    other_secret: "another_secret",
    body: include_str!("../../samples/seed/lemon-squeezy.json"),
    covers_body: true,
};

pub(crate) const WORKOS: Vendor = Vendor {
    id: "workos",
    variables: &[("WORKOS_WEBHOOK_SECRET", "workos_webhook_secret")],
    secret: "workos_webhook_secret",
    other_secret: "another_secret",
    body: r#"{"id":"event_01HX","event":"user.created","data":{"object":"user","id":"user_01HX","email":"a@example.com"},"created_at":"2026-01-01T00:00:00.000Z"}"#,
    covers_body: true,
};

pub(crate) const CLERK: Vendor = Vendor {
    id: "clerk",
    variables: &[("CLERK_WEBHOOK_SIGNING_SECRET", STANDARD)],
    secret: STANDARD,
    other_secret: OTHER_STANDARD,
    body: r#"{"object":"event","type":"user.deleted","timestamp":1767225600000,"data":{"object":"user","id":"user_1","deleted":true}}"#,
    covers_body: true,
};

pub(crate) const RESEND: Vendor = Vendor {
    id: "resend",
    variables: &[("RESEND_WEBHOOK_SECRET", STANDARD)],
    secret: STANDARD,
    other_secret: OTHER_STANDARD,
    body: r#"{"type":"email.bounced","created_at":"2026-01-01T00:00:00.000Z","data":{"email_id":"e_1","to":["a@example.com"],"bounce":{"type":"Permanent"}}}"#,
    covers_body: true,
};

pub(crate) const SENDGRID_EVENTS: Vendor = Vendor {
    id: "sendgrid",
    variables: &[("SENDGRID_WEBHOOK_PUBLIC_KEY", SENDGRID)],
    secret: SENDGRID,
    other_secret: OTHER_SENDGRID,
    body: "[{\"email\":\"a@example.com\",\"event\":\"delivered\",\"timestamp\":1767225600,\"sg_event_id\":\"e1\",\"sg_message_id\":\"m1\"}]\r\n",
    covers_body: true,
};

pub(crate) const HUBSPOT: Vendor = Vendor {
    id: "hubspot",
    variables: &[("HUBSPOT_CLIENT_SECRET", "hs_client_secret")],
    secret: "hs_client_secret",
    other_secret: "another_secret",
    body: r#"[{"eventId":1,"subscriptionId":2,"portalId":3,"appId":4,"occurredAt":1700000000000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":5}]"#,
    covers_body: true,
};

pub(crate) const ALL: [Vendor; 14] = [
    STRIPE,
    POLAR,
    LEMON_SQUEEZY,
    WORKOS,
    CLERK,
    Vendor {
        id: "supabase",
        variables: &[("SUPABASE_WEBHOOK_SECRET", "v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi")],
        secret: "v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi",
        other_secret: "v1,whsec_c2Vjb25kLWhvb2stc2VjcmV0LTAxMjM0NTY3ODlhYmNk",
        body: r#"{"metadata":{"name":"before-user-created","time":"2026-01-01T00:00:00Z"},"user":{"id":"u1"}}"#,
        covers_body: true,
    },
    RESEND,
    SENDGRID_EVENTS,
    WHATSAPP,
    KAPSO,
    HUBSPOT,
    Vendor {
        id: "pipedrive",
        variables: &[("PIPEDRIVE_WEBHOOK_USER", "hook"), ("PIPEDRIVE_WEBHOOK_PASSWORD", "s3cret-s3cret")],
        secret: "hook:s3cret-s3cret",
        other_secret: "hook:another-secret",
        body: r#"{"data":{"id":5,"name":"Ada"},"previous":null,"meta":{"action":"create","entity":"person","entity_id":"5","company_id":"3","webhook_id":"7","correlation_id":"c-1","attempt":1,"timestamp":"2026-01-01T00:00:00.000Z","version":"2.0"}}"#,
        covers_body: false,
    },
    Vendor {
        id: "salesforce",
        variables: &[("SALESFORCE_WEBHOOK_SECRET", "a shared secret")],
        secret: "a shared secret",
        other_secret: "a different one",
        body: r#"{"id":"e1","type":"Lead.updated","recordId":"00Q1","organizationId":"00D1","occurredAt":"2026-01-01T00:00:00Z"}"#,
        covers_body: false,
    },
    GENERIC,
];

impl Vendor {
    /// Creates an installation that receives this vendor's webhooks.
    pub(crate) fn on(&self, installation: Installation) -> Installation {
        self.variables.iter().fold(installation, |installation, (name, value)| installation.with(name, value))
    }

    /// Returns its sample event, signed.
    pub(crate) fn event(&self) -> Request {
        self.send(self.body)
    }

    /// Returns any event, signed.
    pub(crate) fn send(&self, body: impl Into<Vec<u8>>) -> Request {
        self.sign(self.secret, Request::post(format!("/webhooks/{}", self.id), body))
    }

    /// Returns a request with the headers that the vendor would send. An event id that it has is kept.
    pub(crate) fn sign(&self, secret: &str, request: Request) -> Request {
        let headers = if self.id == "sendgrid" { sendgrid(secret, &request) } else { self.headers(secret, &request) };
        let new =
            |request: &Request, name: &str| !request.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        headers.into_iter().fold(
            request,
            |request, (name, value)| {
                if new(&request, name) { request.header(name, value) } else { request }
            },
        )
    }

    fn headers(&self, secret: &str, request: &Request) -> Vec<(&'static str, String)> {
        let entry = vendors::all().into_iter().find(|entry| entry.id == self.id).expect("the vendor is listed");
        let source = entry.webhooks_with(secret).expect("the secret is one of this vendor's");
        let read = |(name, value): &(String, String)| {
            (HeaderName::try_from(name).expect("a name"), HeaderValue::try_from(value).expect("a value"))
        };
        let headers: HeaderMap = request.headers.iter().map(read).collect();
        let (url, body) = (format!("{PUBLIC}{}", request.path), Bytes::from(request.body.clone()));
        let request =
            WebhookRequest { method: &Method::POST, url: &url, headers: &headers, body: &body, received_at: now() };
        source.sign(&request).expect("this vendor can be played")
    }
}

/// Only the vendor can sign for this one: the test has the private keys of the two public ones.
fn sendgrid(public: &str, request: &Request) -> Vec<(&'static str, String)> {
    let private = if public == SENDGRID { [1; 32] } else { [2; 32] };
    let point = &BASE64.decode(public.as_bytes()).expect("a key in base64")[26..];
    let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &private, point);
    let timestamp = now().seconds().to_string();
    let content = [timestamp.as_bytes(), &request.body].concat();
    let signature = pair.expect("a key pair").sign(&SystemRandom::new(), &content).expect("a signature");
    vec![
        ("X-Twilio-Email-Event-Webhook-Signature", BASE64.encode(signature.as_ref())),
        ("X-Twilio-Email-Event-Webhook-Timestamp", timestamp),
    ]
}
