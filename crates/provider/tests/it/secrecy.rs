//! The content of errors, `Debug`, traces and metrics.

use std::{
    io,
    sync::{Arc, Mutex},
};

use kernel::Secret;
use provider::http::Http;
use serde_json::{Value, json as value};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    host::{Host, Reply, json, reply},
    world::World,
};

const HIDDEN: [&str; 6] = ["t0ken", "passw0rd", "dXNlcjpwYXNzdzByZA", "qu3ry", "b0dy", "addr3ss"];

/// Returns everything that is shown of calls that fail in every way, with secrets in every place.
async fn everything_that_shows() -> String {
    let mut seen = String::new();
    let echo = r#"{"message":"t0ken, passw0rd and dXNlcjpwYXNzdzByZA== are wrong"}"#;
    for answer in [
        reply(400, &[], echo),
        reply(401, &["set-cookie: t0ken"], echo),
        reply(200, &[], &format!("<p>{echo}</p>")),
        reply(500, &[], echo),
        json(r#"{"id":"b0dy"}"#),
        reply(302, &["location: http://localhost/addr3ss?key=qu3ry"], ""),
        Reply::Drop,
        Reply::Silence(Vec::new()),
    ] {
        let host = Host::new([answer]).await;
        let mut base = host.url();
        base.set_path("/addr3ss");
        base.set_query(Some("key=qu3ry"));
        let http = World::impatient().http(base);
        let basic =
            || call(&http).basic("user", &Secret::new("passw0rd")).secret_header("x-key", &Secret::new("t0ken"));
        for request in [basic(), basic().bearer(&Secret::new("t0ken"))] {
            seen += &format!("{http:?} {request:?}");
            let error = request.send::<Vec<i64>>().await.unwrap_err();
            seen += &format!("{error} {error:?}");
        }
        seen += &format!("{:?}", call(&http).send_raw().await);
    }
    let nobody = Http::new(&World::new().transport(), "acme", Host::nobody().await);
    seen + &format!("{:?}", call(&nobody).send_raw().await)
}

fn call(http: &Http) -> provider::http::Request {
    let secret = value!({"field": "b0dy"});
    http.post("/customers/{customer}").segment("customer", "addr3ss").query([("token", "qu3ry")]).json(&secret)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn neither_errors_nor_debug_nor_traces_show_a_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let seen = everything_that_shows().await;

    let traced = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for secret in HIDDEN {
        assert!(!seen.contains(secret), "{secret} in {seen}");
        assert!(!traced.contains(secret), "{secret} in {traced}");
    }
    assert!(traced.contains("vendor_call"), "the traces were seen: {traced}");
    assert!(seen.contains("POST /customers/{customer}"), "but the errors say what was called: {seen}");
}

#[tokio::test]
async fn metrics_count_every_attempt_by_vendor_and_outcome() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);

    let host = Host::new([reply(500, &[], ""), Reply::Drop, json("{}")]).await;
    World::new().http(host.url()).get("/things").send::<Value>().await.unwrap();

    let page = metrics.render();
    for outcome in ["failed", "dropped", "ok"] {
        let line = format!("trunkline_vendor_requests_total{{vendor=\"acme\",outcome=\"{outcome}\"}} 1");
        assert!(page.contains(&line), "{line} in {page}");
    }
    assert!(page.contains("trunkline_vendor_request_duration_seconds_count{vendor=\"acme\"} 3"), "{page}");
}
