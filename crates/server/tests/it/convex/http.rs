//! Calls over HTTP.

use serde_json::{Value, json};
use testkit::both;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::product::Product;

/// Returns the status, the head in lower case, and the body.
async fn ask(product: &Product, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(product.address).await.expect("the server speaks HTTP");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("the server speaks HTTP");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the server speaks HTTP");
    let (head, body) = answer.split_once("\r\n\r\n").expect("the server speaks HTTP");
    let status = head.split(' ').nth(1).expect("the server speaks HTTP").parse().expect("the server speaks HTTP");
    (status, head.to_lowercase(), body.to_owned())
}

async fn post(product: &Product, path: &str, headers: &str, body: Value) -> (u16, Value) {
    let (status, _, answer) = ask(product, "POST", path, headers, &body.to_string()).await;
    (status, serde_json::from_str(&answer).expect("the server speaks HTTP"))
}

#[tokio::test]
async fn operations_are_called_by_their_path() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let set = json!({ "path": "kv:set", "args": [{ "key": "x", "v": 1 }], "format": "json" });
        let success = |value: Value| (200, json!({ "status": "success", "value": value, "logLines": [] }));
        assert_eq!(post(&product, "/api/mutation", "", set.clone()).await, success(json!(1)));
        let get = json!({ "path": "kv:get", "args": { "key": "x" } });
        assert_eq!(post(&product, "/api/query", "", get.clone()).await, success(json!(1)));
        assert_eq!(post(&product, "//api/query", "", get.clone()).await, success(json!(1)));
        assert_eq!(post(&product, "/t/acme/api/query", "", get.clone()).await, success(json!(null)));
        assert_eq!(post(&product, "/api/function", "", get.clone()).await, success(json!(1)));
        assert_eq!(post(&product, "/api/run/kv/get", "", json!({ "args": { "key": "x" } })).await, success(json!(1)));
        let act = json!({ "path": "util:act", "args": [{ "v": "a" }] });
        assert_eq!(post(&product, "/api/action", "", act).await, success(json!("a")));

        let address = "/api/query?path=kv:get&args=%7B%22key%22%3A%22x%22%7D&format=json";
        let (status, _, body) = ask(&product, "GET", address, "", "").await;
        assert_eq!((status, serde_json::from_str(&body).unwrap()), success(json!(1)));

        let (_, ts) = post(&product, "/api/query_ts", "", json!({})).await;
        let at = json!({ "path": "kv:get", "args": [{ "key": "x" }], "ts": ts["ts"] });
        assert_eq!(post(&product, "/api/query_at_ts", "", at).await, success(json!(1)));
        let (_, batch) = post(&product, "/api/query_batch", "", json!({ "queries": [get, set] })).await;
        assert_eq!(batch["results"][0]["value"], json!(1));
        assert_eq!(batch["results"][1]["status"], "error");
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_fails_is_an_answer_and_a_call_that_is_none_is_refused() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let fail = |data: Value| json!({ "path": "kv:fail", "args": [{ "data": data }] });
        let (status, failed) = post(&product, "/api/mutation", "", fail(json!({ "code": "NO" }))).await;
        assert_eq!((status, &failed["status"], &failed["errorData"]), (200, &json!("error"), &json!({ "code": "NO" })));
        let (status, broken) = post(&product, "/api/mutation", "", fail(Value::Null)).await;
        assert_eq!(status, 200);
        assert!(
            broken["errorMessage"].as_str().unwrap().starts_with("[Request ID: ") && broken.get("errorData").is_none()
        );
        let (status, unknown) = post(&product, "/api/query", "", json!({ "path": "no:thing", "args": {} })).await;
        assert_eq!((status, &unknown["errorData"]["tag"]), (200, &json!("operation_unknown")));

        let whoami = json!({ "path": "auth:whoami", "args": {} });
        let (_, ada) = post(&product, "/api/query", "authorization: Bearer ada\r\n", whoami.clone()).await;
        assert_eq!(ada["value"], "ada");
        let (status, refused) = post(&product, "/api/query", "authorization: Bearer wrong\r\n", whoami).await;
        assert_eq!((status, &refused["code"]), (401, &json!("InvalidAuthHeader")));
        let (status, refused) = post(&product, "/api/query", "", json!([])).await;
        assert_eq!((status, &refused["code"]), (400, &json!("BadJsonBody")));
        let (status, refused) = post(&product, "/api/storage/upload?token=x", "", json!({})).await;
        assert_eq!((status, &refused["code"]), (501, &json!("storage_unsupported")));
        let (status, head, _) = ask(&product, "POST", "/api/query", "convex-client: npm-0.19.0\r\n", "{}").await;
        assert!(status == 400 && head.contains("x-convex-deprecation-state"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn values_that_json_has_no_word_for_are_written_as_the_caller_wants() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let value = json!({ "integer": { "$integer": "BQAAAAAAAAA=" }, "float": { "$float": "AAAAAAAA+H8=" } });
        for (format, expected) in
            [("convex_encoded_json", value.clone()), ("json", json!({ "integer": "5", "float": "NaN" }))]
        {
            let call = json!({ "path": "util:echo", "args": [{ "v": value }], "format": format });
            assert_eq!(post(&product, "/api/query", "", call).await.1["value"], expected, "{format}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_origin_may_call() {
    both(|database| async move {
        let product = Product::start(&database).await;
        let preflight = "origin: https://a.example\r\naccess-control-request-headers: authorization,convex-client\r\n";
        let (status, head, _) = ask(&product, "OPTIONS", "/api/query", preflight, "").await;
        assert_eq!(status, 204);
        for expected in ["origin: https://a.example", "headers: authorization,convex-client", "max-age: 86400"] {
            assert!(head.contains(expected), "{expected} in {head}");
        }
        let (status, head, body) = ask(&product, "GET", "/version", "origin: https://a.example\r\n", "").await;
        assert!(status == 200 && head.contains("access-control-allow-origin: https://a.example"), "{head}");
        assert_eq!(body, env!("CARGO_PKG_VERSION"));
    })
    .await;
}
