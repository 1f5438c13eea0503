//! External tools check the document, and the server against the document.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use kernel::Role;
use testkit::sqlite;
use tokio::{net::TcpListener, sync::watch};

use crate::house::House;

#[tokio::test]
async fn openapi_typescript_makes_types_of_the_document_that_compile() {
    let (Some(generator), Some(compiler)) =
        (tool("node_modules/.bin/openapi-typescript"), tool("node_modules/.bin/tsc"))
    else {
        return;
    };
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let (document, types) = (folder.path().join("openapi.json"), folder.path().join("api.ts"));
        std::fs::write(&document, server::openapi(house.operations.catalog()).to_string()).unwrap();
        succeeds(Command::new(generator).arg(document).arg("--output").arg(&types));
        succeeds(Command::new(compiler).args(["--strict", "--noEmit"]).arg(&types));
        let types = std::fs::read_to_string(types).unwrap();
        assert!(types.contains("\"notes:add\""), "{types}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_answer_that_the_document_does_not_describe() {
    let Some(schemathesis) = tool("python/bin/schemathesis") else { return };
    sqlite(|database| async move {
        let house = House::with(&database, |options| {
            options.rates = server::Rates { caller: None, organization: None, operation: None };
        })
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(server::serve(listener, house.router(), stopped));
        let token = house.somebody(Role::Admin).token().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let ran = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(schemathesis);
            command.current_dir(folder.path()).args(["run", "--seed=1", "--max-examples=20", "--workers=1"]);
            // An operation accepts fewer values than its schema allows: a cursor is a text, but not any text.
            command.args(["--checks=all", "--exclude-checks=positive_data_acceptance"]);
            // This operation fails on purpose.
            command.args(["--exclude-operation-id=notes:break", "--phases=examples,coverage,fuzzing"]);
            command.arg("-H").arg(format!("Authorization: Bearer {token}"));
            succeeds(command.arg(format!("http://{address}/openapi.json")));
        });
        ran.await.unwrap();
        serving.abort();
    })
    .await;
}

pub(crate) fn succeeds(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().expect("a tool starts");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}");
}

/// Returns a tool that `cargo xtask test` installed. Where it is missing, the test is skipped and prints so.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "nobody hands tests their settings")]
pub(crate) fn tool(path: &str) -> Option<PathBuf> {
    let missing = match std::env::var("TRUNKLINE_STANDINS") {
        Ok(folder) if PathBuf::from(&folder).join(path).exists() => return Some(PathBuf::from(folder).join(path)),
        Ok(folder) => format!("{path} is not in {folder}"),
        Err(_) => format!("{path} is not there: `cargo xtask test` installs it and sets TRUNKLINE_STANDINS"),
    };
    assert!(std::env::var("CI").is_err(), "{missing}");
    eprintln!("left out: {missing}");
    None
}
