//! One call after the other over REST.

use std::time::{Duration, Instant};

use super::{
    report::{Numbers, percentile},
    target::Target,
};
use crate::http::Http;

/// Asks for one customer, or for as many bytes, for so long.
pub(crate) async fn measure(target: &Target<'_>, seconds: u64) -> anyhow::Result<Numbers> {
    let (path, token) = match target {
        Target::Ours { people, .. } => {
            (format!("/v1/customers/{}", people.large.customer), Some(people.token(&people.large, 0)))
        }
        Target::Ceiling { .. } => ("/plain".to_owned(), None),
    };
    let mut http = Http::open(target.server().address).await?;
    let mut passed = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        let asked = Instant::now();
        http.get(&path, token.as_deref()).await?;
        passed.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    passed.sort_by(f64::total_cmp);
    let mut numbers = Numbers::of("REST, customers:get, one after the other");
    numbers.add("p50, ms", percentile(&passed, 0.5));
    numbers.add("p99, ms", percentile(&passed, 0.99));
    Ok(numbers)
}
