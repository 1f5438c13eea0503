//! Seeded random requests: nothing panics, nothing forged is accepted, every event stays within its bounds.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::{
    Sample, Sent,
    webhook::{Scenario, check_events},
};
use crate::WebhookSource;

/// Sends a vendor's receiving side random requests: `TRUNKLINE_FUZZ_ITERATIONS` of them (default 2000), from the seed
/// `TRUNKLINE_FUZZ_SEED` (default 1). A failure says the seed of its own iteration, which repeats it alone with
/// `TRUNKLINE_FUZZ_ITERATIONS=1`.
///
/// # Panics
/// When the vendor breaks the contract.
pub fn fuzz<V: Sample>() {
    let Some(webhook) = V::webhook() else { return };
    let scenario = Scenario::<V>::new(&webhook);
    let source = scenario.source();
    let names: Vec<HeaderName> = scenario.signed(&*source, webhook.body).headers.keys().cloned().collect();
    let sample = serde_json::from_str(webhook.body).unwrap_or(Value::Null);
    let first = variable("TRUNKLINE_FUZZ_SEED").unwrap_or(1);
    for seed in (first..).take(variable("TRUNKLINE_FUZZ_ITERATIONS").map_or(2000, |n| usize::try_from(n).unwrap_or(0)))
    {
        let _report = Report { vendor: V::ID, seed };
        let mut chance = Chance(seed);
        forged_requests_are_refused(&*source, &names, &mut chance);
        let body = body(&sample, webhook.body, &mut chance);
        let sent = scenario.signed(&*source, body);
        source.verify(&sent.request()).expect("what the vendor signs is accepted");
        check_events(&source.events(&sent.request()));
    }
}

/// Prints the seed of the iteration when it panics.
struct Report {
    vendor: &'static str,
    seed: u64,
}

impl Drop for Report {
    #[expect(clippy::print_stderr, reason = "a failing test tells how to repeat it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: repeat with TRUNKLINE_FUZZ_SEED={} TRUNKLINE_FUZZ_ITERATIONS=1", self.vendor, self.seed);
        }
    }
}

fn forged_requests_are_refused(source: &dyn WebhookSource, names: &[HeaderName], chance: &mut Chance) {
    let mut sent = Sent::unsigned(chance.bytes(200));
    for name in names {
        let value = if chance.one_in(2) { chance.header() } else { chance.bytes(80) };
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            sent.headers.append(name, value);
        }
    }
    assert!(source.verify(&sent.request()).is_err(), "a random request is accepted");
    // Refused requests are not split into events; the vendor's code must not panic on them all the same.
    check_events(&source.events(&sent.request()));
}

/// Returns the sample with one thing wrong in it, as JSON or as bytes.
fn body(sample: &Value, text: &str, chance: &mut Chance) -> Bytes {
    if chance.one_in(4) {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len().max(1));
            match chance.below(3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), chance.byte()),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = chance.byte()),
            }
        }
        return bytes.into();
    }
    let mut value = sample.clone();
    for _ in 0..=chance.below(3) {
        spoil(&mut value, chance);
    }
    value.to_string().into()
}

/// Replaces a value at a random place.
fn spoil(value: &mut Value, chance: &mut Chance) {
    let stop = chance.one_in(5);
    match value {
        Value::Object(members) if !members.is_empty() && !stop => {
            let name = members.keys().nth(chance.below(members.len())).cloned().unwrap_or_default();
            if chance.one_in(8) {
                members.remove(&name);
            } else if let Some(member) = members.get_mut(&name) {
                spoil(member, chance);
            }
        }
        Value::Array(items) if !items.is_empty() && !stop => {
            let at = chance.below(items.len());
            if chance.one_in(4) {
                items.push(items[at].clone());
            }
            spoil(&mut items[at], chance);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            *value = chance.value();
        }
    }
}

/// SplitMix64: small, seeded, the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.byte()).collect()
    }

    /// Returns pieces of real headers in a random order, which reach deeper into the parser than random bytes.
    fn header(&mut self) -> Vec<u8> {
        const PIECES: [&str; 16] = [
            "t=",
            "v1=",
            "v1,",
            "v1a,",
            "v0=",
            "sha256=",
            "Basic ",
            "Bearer ",
            ",",
            ", ",
            " ",
            "=",
            "1767225600",
            "1767225600000",
            "-9223372036854775808",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ];
        let hex = data_encoding::HEXLOWER.encode(&[self.byte(); 32]);
        let pieces = (0..self.below(8)).map(|_| {
            let piece = self.below(PIECES.len() + 1);
            PIECES.get(piece).map_or(hex.as_str(), |piece| piece)
        });
        pieces.collect::<String>().into_bytes()
    }

    fn value(&mut self) -> Value {
        match self.below(12) {
            0 => Value::Null,
            1 => Value::Bool(true),
            2 => Value::from(self.next()),
            3 => Value::from(i64::MIN),
            4 => Value::from(f64::MAX),
            5 => Value::from("x".repeat(self.below(600))),
            6 => Value::from("a\u{0}b\n\u{7f}\u{9f}\u{202e}\u{1f600}"),
            7 => Value::from(self.next().to_string()),
            8 => Value::Array(Vec::new()),
            9 => Value::Array(vec![Value::Null, Value::from(1), Value::from("x"), Value::Object(Map::new())]),
            10 => Value::Object(Map::from_iter([("id".to_owned(), Value::from("y"))])),
            _ => (0..100).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this runs in tests only, and `cargo xtask fuzz` sets it")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
