//! The vendors' own packages: what they sign is accepted, and they accept what we sign.

use serde_json::{Value, json};

use crate::{
    harness::{Installation, PUBLIC, Ran, Request, Standins, both, now, sqlite},
    vendors::{ALL, Vendor},
};

/// A customer as Polar's package expects it: the package also validates what it signs.
const POLAR: &str = r#"{"type":"customer.updated","timestamp":"2026-01-01T00:00:00Z","data":{"id":"5d4bd21a-2f0f-4b0c-8a1c-0d1f5c9f0002","created_at":"2026-01-01T00:00:00Z","modified_at":null,"metadata":{},"external_id":"demo","email":"owner@demo.example","email_verified":true,"type":"individual","name":null,"billing_name":null,"billing_address":null,"tax_id":null,"organization_id":"5d4bd21a-2f0f-4b0c-8a1c-0d1f5c9f0009","deleted_at":null,"avatar_url":"https://example.com/a.png","locale":null}}"#;

/// The vendors whose package signs, and the greatest age of a signature in seconds.
const SIGNERS: [(&str, i64); 9] = [
    ("stripe", 300),
    ("workos", 180),
    ("generic", 300),
    ("supabase", 300),
    ("polar", 300),
    ("clerk", 300),
    ("resend", 300),
    ("hubspot", 300),
    ("sendgrid", 25 * 60 * 60),
];

/// The vendors whose package verifies; SendGrid's verifies what only SendGrid can sign.
const VERIFIERS: [&str; 9] =
    ["stripe", "workos", "generic", "supabase", "polar", "clerk", "resend", "hubspot", "whatsapp"];

fn vendor(id: &str) -> Vendor {
    let vendor = ALL.into_iter().find(|vendor| vendor.id == id).expect("the vendor is played");
    Vendor { body: if id == "polar" { POLAR } else { vendor.body }, ..vendor }
}

fn path(vendor: &Vendor) -> String {
    format!("/webhooks/{}", vendor.id)
}

/// A request to a package to sign the vendor's sample.
fn order(vendor: &Vendor, secret: &str, id: &str, age_seconds: i64) -> Value {
    let at = now().ms() - age_seconds * 1000;
    let url = format!("{PUBLIC}{}", path(vendor));
    json!({ "scheme": vendor.id, "secret": secret, "body": vendor.body, "id": id, "at": at, "url": url })
}

fn signed(vendor: &Vendor, headers: &Value) -> Request {
    let headers = headers.as_object().expect("headers");
    headers.iter().fold(Request::post(path(vendor), vendor.body), |request, (name, value)| {
        request.header(name, value.as_str().expect("a text"))
    })
}

/// Configures all vendors, with a key of SendGrid's that was created by Node.
fn with_all(installation: Installation, sendgrid: &Value) -> Installation {
    let installation = ALL.iter().fold(installation, |installation, vendor| vendor.on(installation));
    installation.with("SENDGRID_WEBHOOK_PUBLIC_KEY", sendgrid["public"].as_str().expect("a key"))
}

fn secret<'a>(vendor: &Vendor, sendgrid: &'a Value) -> &'a str {
    if vendor.id == "sendgrid" { sendgrid["private"].as_str().expect("a key") } else { vendor.secret }
}

#[test]
fn what_the_vendors_own_packages_sign_is_accepted_and_nothing_near_it() {
    let Some(standins) = Standins::find() else { return };
    both(|installation| {
        let key = &standins.sign(&[json!({ "scheme": "sendgrid_key" })])[0];
        let installation = with_all(installation, key);
        let node = installation.start();
        let vendors = SIGNERS.map(|(id, _)| vendor(id));
        let orders: Vec<_> = vendors.iter().map(|vendor| order(vendor, secret(vendor, key), "msg_1", 0)).collect();
        for (vendor, headers) in vendors.iter().zip(standins.sign(&orders)) {
            let request = signed(vendor, &headers);
            let mut longer = request.clone();
            longer.body.push(b'\n');
            assert_eq!(node.send(&longer).status, 401, "{}", vendor.id);
            let answer = node.send(&request);
            assert_eq!(answer.status, 200, "{}: {}", vendor.id, answer.text());
            assert_eq!(answer.json()["status"], "accepted", "{}", vendor.id);
            assert_eq!(node.send(&request).json()["status"], "already_processed", "{}", vendor.id);
        }
        let mut kept: Vec<_> = installation.events().iter().map(|event| event["provider"].to_string()).collect();
        kept.sort_unstable();
        kept.dedup();
        assert_eq!(kept.len(), SIGNERS.len());
        assert_eq!(installation.events_that_are("dead"), Vec::<Value>::new());
    });
}

#[test]
fn a_signature_is_good_as_long_as_the_vendors_own_packages_have_it() {
    let Some(standins) = Standins::find() else { return };
    sqlite(|installation| {
        let key = &standins.sign(&[json!({ "scheme": "sendgrid_key" })])[0];
        let node = with_all(installation, key).start();
        for (id, window) in SIGNERS {
            let vendor = vendor(id);
            let secret = secret(&vendor, key);
            let orders =
                [order(&vendor, secret, "msg_old", window + 30), order(&vendor, secret, "msg_new", window - 30)];
            let [old, young] = &standins.sign(&orders)[..] else { panic!("two answers") };
            assert_eq!(node.send(&signed(&vendor, old)).status, 401, "{id}");
            assert_eq!(node.send(&signed(&vendor, young)).status, 200, "{id}");
        }
    });
}

#[test]
fn what_we_sign_the_vendors_own_packages_accept() {
    let Some(standins) = Standins::find() else { return };
    sqlite(|installation| {
        let mut questions = Vec::new();
        for id in VERIFIERS {
            let vendor = vendor(id);
            let headers = sign(&installation, &vendor);
            let url = format!("{PUBLIC}{}", path(&vendor));
            for secret in [vendor.secret, vendor.other_secret] {
                let question =
                    json!({ "scheme": id, "secret": secret, "headers": headers, "body": vendor.body, "url": url });
                questions.push(question);
            }
        }
        let verdicts = standins.verify(&questions);
        for (id, verdicts) in VERIFIERS.iter().zip(verdicts.chunks(2)) {
            assert_eq!(verdicts[0]["valid"], true, "{id}: {}", verdicts[0]);
            assert_eq!(verdicts[1]["valid"], false, "{id}: a judge who accepts everything");
        }
    });
}

/// Returns the headers that `trunkline sign` prints, as a server would receive them.
fn sign(installation: &Installation, vendor: &Vendor) -> Value {
    let file = installation.file("body.json", vendor.body);
    let url = format!("{PUBLIC}{}", path(vendor));
    let file = file.to_str().expect("a path in UTF-8");
    let Ran { code, stdout, stderr } =
        installation.run(&["sign", vendor.id, "--secret", vendor.secret, "--url", &url, file]);
    assert_eq!(code, Some(0), "{}: {stderr}", vendor.id);
    let lines = stdout.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_lowercase(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn sendgrids_own_package_agrees_on_what_was_signed() {
    let Some(standins) = Standins::find() else { return };
    let key = &standins.sign(&[json!({ "scheme": "sendgrid_key" })])[0];
    let vendor = vendor("sendgrid");
    let headers = &standins.sign(&[order(&vendor, secret(&vendor, key), "", 0)])[0];
    let lower = headers.as_object().expect("headers").iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let headers: Value = lower.collect::<serde_json::Map<_, _>>().into();
    let question = |body: &str| {
        let pem = key["public"].as_str().expect("a key");
        json!({ "scheme": "sendgrid", "secret": pem, "headers": headers, "body": body, "url": PUBLIC })
    };
    let verdicts = standins.verify(&[question(vendor.body), question("[]")]);
    assert_eq!((&verdicts[0]["valid"], &verdicts[1]["valid"]), (&json!(true), &json!(false)), "{verdicts:?}");
}
