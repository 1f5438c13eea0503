//! Requests that the vendors' own packages signed: the values of the contracts' `vectors.json`, and that file itself
//! where it is available.

use std::path::PathBuf;

use kernel::Time;
use serde_json::Value;

use crate::{Post, source};

/// A request that a vendor's own package signed.
struct Vector<'a> {
    vendor: &'a str,
    secret: &'a str,
    body: &'a str,
    at: Time,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    /// Whether signing again gives the same header: not where it is random, or where several secrets signed.
    repeatable: bool,
}

impl Vector<'_> {
    fn check(&self) {
        let source = source(self.vendor, self.secret);
        let mut post = Post::new(self.body.to_owned(), self.at);
        self.url.clone_into(&mut post.url);
        let sent = self.headers.iter().fold(post, |post, (name, value)| post.header(name, value));
        if let Err(error) = sent.verified_by(&*source) {
            panic!("{}: {error:?}", self.vendor);
        }
        let mut forged = sent.clone();
        forged.body = format!("{} ", self.body).into();
        let covered = self.vendor != "pipedrive";
        assert_eq!(forged.verified_by(&*source).is_err(), covered, "{}: a byte more", self.vendor);
        if self.repeatable {
            let again = sent.clone().signed_by(&*source);
            assert_eq!(again.headers, sent.headers, "{} signs as the vendor does", self.vendor);
        }
    }
}

const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CONTACT: &str = r#"{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}"#;
const POLAR: &str = r#"{"type":"subscription.active","timestamp":"2026-01-01T00:00:00Z","data":{"id":"sub_1"}}"#;
const NEW_YEAR: Time = Time::from_seconds(1_767_225_600);

fn standard<'a>(
    vendor: &'a str,
    family: &str,
    secret: &'a str,
    body: &'a str,
    id: &'a str,
    at: &'a str,
    signature: &'a str,
) -> Vector<'a> {
    let headers = match family {
        "svix" => vec![("svix-id", id), ("svix-timestamp", at), ("svix-signature", signature)],
        _ => vec![("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)],
    };
    let repeatable = !signature.contains(' ');
    Vector { vendor, secret, body, at: Time::from_seconds(at.parse().expect("seconds")), url: "", headers, repeatable }
}

fn plain<'a>(vendor: &'a str, secret: &'a str, body: &'a str, at: Time, headers: &[(&'a str, &'a str)]) -> Vector<'a> {
    Vector { vendor, secret, body, at, url: "", headers: headers.to_vec(), repeatable: true }
}

#[test]
fn what_the_vendors_own_packages_signed_is_accepted() {
    let polar = |secret, signature| {
        standard("polar", "webhook", secret, POLAR, "5f9d6f1e-0000-4000-8000-000000000001", "1767225600", signature)
    };
    let svix = |vendor| {
        let body = r#"{"data":{"id":"user_29w83sxmDNGwOuEthce5gg56FcC"},"object":"event","type":"user.created"}"#;
        standard(
            vendor,
            "svix",
            STANDARD,
            body,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "v1,3G2uZqj/tiPiqTfIqjU0XWsydP/PbyjJxRrq3acJwEo=",
        )
    };
    let generic = |secret, signature| {
        standard("generic", "webhook", secret, CONTACT, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "1674087231", signature)
    };
    let supabase = |secret| {
        let signatures =
            "v1,ZHv9t/uJmjGz7FkXY//ScpFKyOfWmhy0r36B7uDrCXk=, v1,WGHpzYSxl9wo12dJH+TBmV0pyEQtDYhMtD+W661hlME=";
        let body = r#"{"metadata":{"name":"before-user-created"},"user":{"id":"u1"}}"#;
        standard("supabase", "webhook", secret, body, "9f1c2a34-0000-4000-8000-000000000001", "1767225600", signatures)
    };
    for vector in [
        generic(STANDARD, "v1,ARw42xaAApl/nxRo+iPGYwSaMQaOwMo2eyH5JBRA+bQ="),
        generic(
            "whsec_bmV3LXNlY3JldC0wMTIzNDU2Nzg5YWJjZGVmISE=",
            "v1,6+nfVNb7j8l8AYyCGY3CKwckEHgdqo4j8XlAUcUEDJk= v1,ARw42xaAApl/nxRo+iPGYwSaMQaOwMo2eyH5JBRA+bQ=",
        ),
        svix("clerk"),
        svix("resend"),
        polar(
            "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK",
            "v1,WoO8sv+H15FSPI7mwinfFKB9putWi8WTlley/2ninIM=",
        ),
        polar("whsec_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK", "v1,NRm9TtdBu5FpGRvZkK36Fttlb9iEm/lubkaGeWk2h24="),
        supabase("v1,whsec_c3VwYWJhc2UtaG9vay1zZWNyZXQtMDEyMzQ1Njc4OWFi"),
        supabase("v1,whsec_c2Vjb25kLWhvb2stc2VjcmV0LTAxMjM0NTY3ODlhYmNk"),
        plain(
            "stripe",
            "whsec_test_secret",
            r#"{"id":"evt_1","object":"event","type":"checkout.session.completed","data":{"object":{"id":"cs_test_1"}}}"#,
            Time::from_seconds(1_700_000_000),
            &[("Stripe-Signature", "t=1700000000,v1=b99680b3f000e81d5f7d66c9126c0c11d434f667d32062c7ba20c003e0c48fff")],
        ),
        plain(
            "workos",
            "workos_webhook_secret",
            r#"{"id":"event_01HX","event":"user.created","data":{"object":"user","id":"user_01HX","email":"a@example.com"},"created_at":"2026-01-01T00:00:00.000Z"}"#,
            NEW_YEAR,
            &[(
                "WorkOS-Signature",
                "t=1767225600000, v1=0bb16cad248e4a9d77b92d377dab08f945093ec3914aa041ae5655353d7291ea",
            )],
        ),
        plain(
            "whatsapp",
            "app_secret",
            r#"{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"field":"messages","value":{"messaging_product":"whatsapp"}}]}]}"#,
            NEW_YEAR,
            &[("X-Hub-Signature-256", "sha256=aa5515d1bdd2188ddac0fe8fad081d5a46989e2c6c8100910e53cbff471be918")],
        ),
        plain(
            "kapso",
            "kapso_secret",
            r#"{"phone_number_id":"123","message":{"id":"wamid.1","type":"text","text":{"body":"hi"}}}"#,
            NEW_YEAR,
            &[("X-Webhook-Signature", "4369e2503859efa9c31f8319cc6dbbcf1de021df5de97a0269733150cb294199")],
        ),
        plain(
            "lemon-squeezy",
            "ls_secret",
            r#"{"meta":{"event_name":"order_created","custom_data":{"tenant":"t1"}},"data":{"type":"orders","id":"1"}}"#,
            NEW_YEAR,
            &[
                ("X-Event-Name", "order_created"),
                ("X-Signature", "fa2b9fc702a39a75ad18a8e6d25fff0e003bfd17139d285535417b495184b7e6"),
            ],
        ),
        Vector {
            url: "https://hooks.example.com/hubspot/t1?x=1",
            ..plain(
                "hubspot",
                "hs_client_secret",
                r#"[{"eventId":1,"subscriptionId":2,"portalId":3,"appId":4,"occurredAt":1700000000000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":5}]"#,
                Time::from_seconds(1_700_000_000),
                &[
                    ("X-HubSpot-Request-Timestamp", "1700000000000"),
                    ("X-HubSpot-Signature-v3", "QsUQhRNfSmqia1O6opjWAPEKI+Nfnft90DNS93g73OQ="),
                ],
            )
        },
        Vector {
            repeatable: false,
            ..plain(
                "sendgrid",
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0Bzc/hda6t8K5cI39eAs2WOQ6/+5OWR5WW9cj7/GpHflsrz9gWRUzcX+mElxt23Ng0Ak9/GGIHo0JK6GIzOfTw==",
                "[{\"email\":\"example@test.com\",\"timestamp\":1513299569,\"event\":\"delivered\",\"sg_event_id\":\"ev1\",\"sg_message_id\":\"m1\"}]\r\n",
                Time::from_seconds(1_600_112_502),
                &[
                    ("X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"),
                    (
                        "X-Twilio-Email-Event-Webhook-Signature",
                        "MEYCIQDymqktGtDf4w1rMPnPDt+kieAs3INnJ6uBKqBRN+Z01gIhAMwzS2DE5VHMs+Us4TlDrCj6ZtJbPPoWI7kcH1mVVqtn",
                    ),
                ],
            )
        },
        plain("pipedrive", "hook:s3cret", "{}", NEW_YEAR, &[("Authorization", "Basic aG9vazpzM2NyZXQ=")]),
    ] {
        vector.check();
    }
}

/// The entries of the file that are webhooks, and their vendors.
const ENTRIES: [(&str, &[&str]); 13] = [
    ("standard_webhooks", &["generic"]),
    ("standard_webhooks_rotation", &["generic"]),
    ("svix", &["clerk", "resend", "generic"]),
    ("polar", &["polar"]),
    ("polar_whsec", &["polar"]),
    ("stripe", &["stripe"]),
    ("workos", &["workos"]),
    ("whatsapp_cloud", &["whatsapp"]),
    ("kapso", &["kapso"]),
    ("lemonsqueezy", &["lemon-squeezy"]),
    ("hubspot", &["hubspot"]),
    ("sendgrid", &["sendgrid"]),
    ("supabase_hook", &["supabase"]),
];

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn the_contracts_own_vectors_are_accepted() {
    let path = contracts().join("vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: there is no {} (set TRUNKLINE_SPECS to the folder of the vendors' specs)", path.display());
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    for (name, vendors) in ENTRIES {
        let entry = &file[name];
        let secrets = match (&entry["secrets"], &entry["secret"], &entry["public_key_base64_spki"]) {
            (Value::Array(secrets), _, _) => secrets.iter().map(text_of).collect(),
            (_, Value::String(secret), _) | (_, _, Value::String(secret)) => vec![secret.clone()],
            _ => panic!("{name} has no secret"),
        };
        for (vendor, secret) in vendors.iter().flat_map(|vendor| secrets.iter().map(move |secret| (vendor, secret))) {
            vector(name, entry, vendor, secret).check();
        }
    }
}

fn vector<'a>(name: &str, entry: &'a Value, vendor: &'a str, secret: &'a str) -> Vector<'a> {
    let mut headers: Vec<(&str, &str)> = entry["header"]
        .as_object()
        .into_iter()
        .flatten()
        // The file lists HubSpot's older versions of the signature under names that are no headers.
        .filter(|(name, _)| !name.contains(' '))
        .map(|(name, value)| (name.as_str(), value.as_str().expect("the file has it as text")))
        .collect();
    if name == "standard_webhooks_rotation" {
        headers = vec![
            ("webhook-id", entry["id"].as_str().expect("the file has it as text")),
            ("webhook-timestamp", "1674087231"),
            ("webhook-signature", entry["webhook-signature"].as_str().expect("the file has it as text")),
        ];
    }
    let at = match (&entry["timestamp_ms"], &entry["timestamp"]) {
        (Value::Null, Value::Null) => NEW_YEAR,
        (Value::Null, seconds) => Time::from_seconds(text_of(seconds).parse().expect("the file has it as a number")),
        (ms, _) => Time::from_ms(text_of(ms).parse().expect("the file has it as a number")),
    };
    let (body, url) =
        (entry["body"].as_str().expect("the file has it as text"), entry["url"].as_str().unwrap_or_default());
    Vector { vendor, secret, body, at, url, headers, repeatable: false }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[expect(clippy::disallowed_methods, reason = "where the contracts lie is a matter of the machine that tests")]
fn contracts() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts/specs");
    let specs = std::env::var("TRUNKLINE_SPECS").map_or_else(|_| beside(), PathBuf::from);
    specs.parent().map_or_else(PathBuf::new, PathBuf::from)
}
