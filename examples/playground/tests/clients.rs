//! The playground as its clients see it: the unmodified npm package, over a wire that is cut, at a server that is killed.

use std::{
    io::Write,
    net::TcpListener,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use testkit::{TestDb, Tokens, both};

/// The variable with the folder where `cargo xtask test` has installed the packages.
const STANDINS: &str = "TRUNKLINE_STANDINS";

#[tokio::test]
async fn the_npm_client_sees_every_change_once_and_in_order_whatever_happens_to_the_wire_and_the_server() {
    let Some(folder) = standins() else { return };
    both(|database| {
        let folder = folder.clone();
        async move { run(&folder, include_str!("node/client.mjs"), &server(&database)) }
    })
    .await;
}

/// The folder with the packages. Without it a test is left out, except where everything must run.
fn standins() -> Option<String> {
    let folder = variable(STANDINS);
    if folder.is_none() {
        assert!(
            variable("CI").is_none(),
            "{STANDINS} is not set: `cargo xtask test` installs the packages and sets it"
        );
    }
    folder
}

/// What the script has to know to start the server.
fn server(database: &TestDb) -> Value {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
    let tokens = Tokens::new();
    let token = |subject| tokens.token(subject, Value::Null);
    json!({
        "command": [env!("CARGO_BIN_EXE_playground"), "serve", "--listen", format!("127.0.0.1:{port}")],
        "env": {
            "DATABASE_URL": database.url(),
            "AUTH_JWT_ISSUERS": tokens.issuer_json(),
            "TRUNKLINE_LOG": "warn",
        },
        "port": port,
        "tokens": [token("ada"), token("bob")],
    })
}

/// Runs a script where it finds the packages.
fn run(folder: &str, script: &str, told: &Value) {
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", script]).current_dir(folder);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("node starts");
    let mut input = child.stdin.take().expect("it has a standard input");
    input.write_all(told.to_string().as_bytes()).expect("node reads");
    drop(input);
    let output = child.wait_with_output().expect("node ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.trim().ends_with("ok"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[expect(clippy::disallowed_methods, reason = "tests are told by their runner where things are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
