//! One call: its attempts, their effect on the circuit breaker, its trace and its metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::{HeaderMap, Method};
use bytes::{Bytes, BytesMut};
use kernel::{Result, Secret};
use reqwest::Client;
use tracing::{Instrument, Span, field::Empty};
use url::Url;

use super::{
    Http, Reach, Response,
    breaker::Pass,
    failure::{About, Failure, paused},
    wait,
};

/// A request that is complete and can be sent several times.
pub(super) struct Call {
    pub(super) http: Http,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeout: Duration,
    pub(super) max_body: usize,
    pub(super) repeatable: bool,
    pub(super) secrets: Vec<Secret>,
}

type Outcome = Result<Response, Failure>;

impl Call {
    /// Returns the last answer of the vendor, after as many attempts as are safe and sensible.
    pub(super) async fn run(mut self) -> Result<Response> {
        let about = Arc::new(About {
            vendor: self.http.vendor,
            credential: self.http.credential,
            method: self.method.clone(),
            path: self.path,
            secrets: std::mem::take(&mut self.secrets),
        });
        // Of the address, only the template of the path is shown.
        let span = tracing::info_span!(
            "vendor_call",
            vendor = about.vendor,
            method = %about.method,
            path = about.path,
            status = Empty,
            attempt = Empty,
        );
        self.attempts(&about).instrument(span).await
    }

    async fn attempts(&self, about: &Arc<About>) -> Result<Response> {
        let client = self.http.transport.client(self.http.reach)?;
        let most = self.http.transport.options().attempts.max(1);
        let mut doubt = false;
        let mut attempt = 1;
        let mut pass = self.http.breaker.admit().map_err(|wait| {
            count(about.vendor, "paused");
            paused(about, wait)
        })?;
        loop {
            Span::current().record("attempt", attempt);
            let outcome = self.observed_attempt(client, about, pass).await;
            doubt |= about.changes_something() && is_doubtful(&outcome);
            let next = self.wait_before_next(attempt, &outcome).filter(|_| attempt < most);
            let Some(wait) = next else { return conclude(outcome, about, doubt) };
            tracing::debug!(attempt, wait_ms = wait.as_millis(), outcome = word(&outcome), "the call is repeated");
            tokio::time::sleep(wait).await;
            pass = match self.http.breaker.admit() {
                Ok(pass) => pass,
                // The vendor's last answer is more useful than the fact that no more attempts were made.
                Err(_) => return conclude(outcome, about, doubt),
            };
            attempt += 1;
        }
    }

    async fn observed_attempt(&self, client: &Client, about: &Arc<About>, pass: Pass<'_>) -> Outcome {
        // Durations are measured with the system's monotonic clock: the clock of the context is moved by tests.
        let start = Instant::now();
        let outcome = self.attempt(client, about).await;
        metrics::histogram!("trunkline_vendor_request_duration_seconds", "vendor" => about.vendor)
            .record(start.elapsed().as_secs_f64());
        count(about.vendor, word(&outcome));
        match &outcome {
            Ok(response) if response.status.is_server_error() => pass.dead(),
            // A refusal for calling too often is no failure of the vendor.
            Ok(_) | Err(Failure::TooLarge(_)) => pass.alive(),
            Err(Failure::Unreachable(_) | Failure::Dropped(_) | Failure::TimedOut(_)) => pass.dead(),
            Err(Failure::Forbidden | Failure::Unsendable(_)) => drop(pass),
        }
        if let Ok(response) = &outcome {
            Span::current().record("status", response.status.as_u16());
        }
        outcome
    }

    async fn attempt(&self, client: &Client, about: &Arc<About>) -> Outcome {
        if self.http.reach == Reach::Public {
            self.http.transport.guard().check(&self.url).map_err(|_| Failure::Forbidden)?;
        }
        let mut answer = client
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone())
            .body(self.body.clone())
            .timeout(self.timeout)
            .send()
            .await?;
        let body = read(&mut answer, self.max_body).await?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let wait = wait::asked_for(&headers, self.http.transport.clock().now());
        Ok(Response { status, headers, body, about: about.clone(), wait, doubt: false })
    }

    /// Returns the time to wait before the next attempt; none when there is to be no other.
    fn wait_before_next(&self, attempt: u32, outcome: &Outcome) -> Option<Duration> {
        let options = self.http.transport.options();
        let asked = match outcome {
            Ok(response) if response.should_be_repeated() && self.repeatable => response.wait.unwrap_or_default(),
            Err(Failure::Dropped(_) | Failure::TimedOut(_)) if self.repeatable => Duration::ZERO,
            // The request did not leave, so that repeating it is safe whatever it does.
            Err(Failure::Unreachable(_)) => Duration::ZERO,
            Ok(_) | Err(_) => return None,
        };
        // An attempt before the time that the vendor asked for would be refused again.
        (asked <= options.longest_wait)
            .then(|| asked.max(wait::backoff(options.backoff, attempt, self.http.transport.random())))
    }
}

async fn read(answer: &mut reqwest::Response, limit: usize) -> Result<Bytes, Failure> {
    let announced = answer.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(Failure::TooLarge(limit));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(Failure::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn is_doubtful(outcome: &Outcome) -> bool {
    match outcome {
        Ok(response) => response.is_of_a_lost_gateway(),
        Err(failure) => failure.may_have_left(),
    }
}

fn conclude(outcome: Outcome, about: &About, doubt: bool) -> Result<Response> {
    match outcome {
        Ok(response) => Ok(Response { doubt, ..response }),
        Err(failure) => Err(failure.into_error(about, doubt)),
    }
}

/// Returns the outcome as one word for metrics and traces.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(response) => match response.status.as_u16() {
            429 => "rate_limited",
            200..=299 => "ok",
            500.. => "failed",
            _ => "refused",
        },
        Err(failure) => failure.word(),
    }
}

fn count(vendor: &'static str, outcome: &'static str) {
    metrics::counter!("trunkline_vendor_requests_total", "vendor" => vendor, "outcome" => outcome).increment(1);
}
