//! The output of `codegen typescript`: it compiles with the Convex clients, refuses wrong calls, and runs.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::json;

use crate::harness::{Installation, Standins, both, sqlite};

#[test]
fn right_uses_of_the_made_types_compile_and_wrong_ones_are_refused() {
    let Some(standins) = Standins::find() else { return };
    sqlite(|installation| {
        let folder = made(&installation, &standins);
        for (name, text) in [
            ("usage.ts", include_str!("../typescript/usage.ts")),
            ("refused.ts", include_str!("../typescript/refused.ts")),
            ("tsconfig.json", include_str!("../typescript/tsconfig.json")),
            ("manual.tsx", &manual()),
        ] {
            std::fs::write(folder.join(name), text).expect("a file can be written");
        }
        compiles(&folder, &["--project", "."]);
        // The two module resolutions of current projects.
        compiles(&folder, &["--project", ".", "--module", "nodenext", "--moduleResolution", "nodenext"]);
    });
}

#[test]
fn the_clients_call_the_server_by_the_made_api() {
    let Some(standins) = Standins::find() else { return };
    both(|installation| {
        let folder = made(&installation, &standins);
        installation.json(&["organizations", "create", "--name", "Acme"]);
        let key = installation.json(&["keys", "create", "--name", "CI", "--role", "admin"]).remove(0);
        let node = installation.start();
        let address = format!("http://{}", node.address);
        let made = folder.join("api/api.js");
        let told = json!({ "address": address, "key": key["key"], "made": made.display().to_string() });
        let saw = standins.run(include_str!("../node/api.mjs"), &[told]).remove(0);
        assert_eq!(saw["listed"], json!([saw["created"]]), "{saw}");
        assert_eq!(saw["watched"][0]["name"], "Initech", "{saw}");
        assert_eq!(saw["watched"][1], saw["created"], "{saw}");
    });
}

#[test]
fn what_codegen_cannot_write_it_says() {
    sqlite(|installation| {
        let file = installation.file("taken", "");
        let taken = file.display().to_string();
        for words in [["codegen", "typescript", "--out", &taken].as_slice(), &["openapi", "--out", "/no/such/folder/o"]]
        {
            let ran = installation.run(words);
            assert_eq!(ran.code, Some(5), "{}", ran.stderr);
            assert!(ran.stderr.contains("cannot write") && ran.stderr.contains("--out"), "{}", ran.stderr);
        }
    });
}

#[test]
fn the_document_is_printed_as_it_is_served() {
    sqlite(|installation| {
        let printed = installation.run(&["openapi"]).stdout;
        installation.run(&["openapi", "--out", "openapi.json"]);
        let written = std::fs::read_to_string(installation.folder().join("openapi.json")).expect("it was written");
        assert_eq!(written, printed);
        let printed: serde_json::Value = serde_json::from_str(&printed).expect("it is JSON");
        assert_eq!(printed, installation.start().get("/openapi.json").json());
    });
}

/// The component in the manual.
fn manual() -> String {
    let page = include_str!("../../../../docs/frontend.md");
    let (_, code) = page.split_once("```tsx\n").expect("the manual shows a component");
    let (code, _) = code.split_once("```").expect("the component ends");
    code.replace("./trunkline/", "./api/")
}

/// Creates a folder with the generated files in `api`, and the packages.
fn made(installation: &Installation, standins: &Standins) -> PathBuf {
    let folder = installation.folder().join("front");
    let ran = installation.run(&["codegen", "typescript", "--out", "front/api"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    symlink(standins.folder().join("node_modules"), folder.join("node_modules")).expect("a link can be made");
    std::fs::write(folder.join("package.json"), r#"{"type":"module"}"#).expect("a file can be written");
    folder
}

fn compiles(folder: &Path, words: &[&str]) {
    let mut compiler = Command::new(folder.join("node_modules/.bin/tsc"));
    let Output { status, stdout, .. } = compiler.args(words).current_dir(folder).output().expect("tsc starts");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stdout));
}
