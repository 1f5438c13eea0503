//! Scripts that use the clients as front ends do. They start the server themselves, because they also kill it.

use std::{
    io::Write,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use testkit::{TestDb, Tokens, both};

/// The variable with the folder in which `cargo xtask test` installed the packages.
const STANDINS: &str = "TRUNKLINE_STANDINS";

/// The beginning of all scripts.
const SHARED: &str = include_str!("../node/playground.mjs");

/// Runs a script in Node, which may be given in parts, on both databases, where the packages are installed.
pub(crate) async fn node(parts: &[&str]) {
    let Some(folder) = standins("node_modules/convex") else { return };
    let script = format!("{SHARED}\n{}", parts.join("\n"));
    both(|database| {
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &script]).current_dir(&folder);
        async move { run(node, &told(&database)) }
    })
    .await;
}

/// Returns the folder of the packages when it contains this one. Otherwise the test is skipped, except where everything
/// must run.
pub(crate) fn standins(with: &str) -> Option<PathBuf> {
    let folder = variable(STANDINS).map(PathBuf::from).filter(|folder| folder.join(with).exists());
    if folder.is_none() {
        assert!(variable("CI").is_none(), "`cargo xtask test` installs {with} and sets {STANDINS}");
    }
    folder
}

/// Returns what a script needs to start the server.
pub(crate) fn told(database: &TestDb) -> Value {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
    let tokens = Tokens::new();
    let token = |subject| tokens.token(subject, Value::Null);
    json!({
        "command": [env!("CARGO_BIN_EXE_playground"), "serve", "--listen", format!("127.0.0.1:{port}")],
        "env": {
            "DATABASE_URL": database.url(),
            "AUTH_JWT_ISSUERS": tokens.issuer_json(),
            "TRUNKLINE_LOG": "warn",
            // The script watches more queries at once than a connection may by default.
            "TRUNKLINE_LIVE_QUERIES": "5000",
        },
        "port": port,
        "tokens": [token("ada"), token("bob")],
    })
}

/// Runs a program that reads `told` on its standard input, and prints `ok` at its end.
pub(crate) fn run(mut command: Command, told: &Value) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it has a standard input");
    input.write_all(told.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
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
