//! Customers as files, with the real binary: imported through `kill -9`, previewed, refused, exported and imported
//! again.

use std::{fs, path::PathBuf, process::Child};

use serde_json::{Value, json};

use crate::harness::{Installation, Request, both, eventually};

/// A plan with seats for what these tests import.
const PLANS: &str = r#"[{"id":"free","name":"Free","maxCustomers":5000,"maxStaff":2,"maxClients":10}]"#;

/// Creates an installation with the organization Acme, a plan and the API key of an admin.
fn acme(installation: Installation) -> (Installation, String) {
    let installation = installation.with("PLANS", PLANS);
    // Starting a server stores the plans.
    installation.start().stop();
    installation.json(&["organizations", "create", "--name", "Acme", "--external-id", "demo=acme"]);
    let key = installation.json(&["keys", "create", "--name", "CI", "--role", "admin"]).remove(0);
    (installation, key["key"].as_str().expect("a key").to_owned())
}

/// Returns a file with this many customers, some of them with characters that CSV must quote.
fn file(installation: &Installation, count: usize) -> PathBuf {
    let row = |n: usize| format!("\"Customer {n}; \"\"{n}\"\"\",c{n}@example.com,\"-{n}\nlast line\"\r\n");
    installation.file("customers.csv", format!("name,email,notes\r\n{}", (0..count).map(row).collect::<String>()))
}

fn number(installation: &Installation, sql: &str) -> i64 {
    installation.texts(sql).first().map_or(0, |text| text.parse().expect("a number"))
}

fn done(installation: &Installation) -> i64 {
    number(installation, "select cast(rows_done as text) from customer_imports")
}

/// Kills a command as soon as the import has made more progress than `before`.
fn kill_mid_way(installation: &Installation, mut command: Child, before: i64) {
    eventually("it moves", || (done(installation) > before).then_some(()));
    command.kill().expect("a child can be killed");
    command.wait().expect("a killed child ends");
}

fn is_running(installation: &Installation) -> bool {
    installation.texts("select status from customer_imports") == ["running"]
}

fn once_each(installation: &Installation, count: i64) {
    assert_eq!(number(installation, "select cast(count(*) as text) from customers"), count);
    assert_eq!(number(installation, "select cast(count(distinct email) as text) from customers"), count);
    assert_eq!(number(installation, "select cast(count(*) as text) from customer_import_files"), 0, "it is forgotten");
}

#[test]
fn a_command_that_is_killed_again_and_again_imports_each_row_once() {
    both(|installation| {
        let (installation, _) = acme(installation);
        let file = file(&installation, 2500);
        let mut kills = 0;
        let spawn = |words: &[&str]| installation.binary().args(words).spawn().expect("the binary starts");
        kill_mid_way(&installation, spawn(&["customers", "import", file.to_str().unwrap()]), 0);
        let id = installation.texts("select id from customer_imports").remove(0);
        while is_running(&installation) && kills < 4 {
            kills += 1;
            let before = done(&installation);
            kill_mid_way(&installation, spawn(&["customers", "import", "--resume", &id]), before);
        }
        assert!(kills > 0, "it was over before anybody could stop it");
        let over = installation.json(&["customers", "import", "--resume", &id]).remove(0);
        let counts = ["status", "rows", "done", "imported", "rejected"].map(|name| over[name].clone());
        assert_eq!(counts, [json!("done"), json!(2500), json!(2500), json!(2500), json!(0)], "{over}");
        once_each(&installation, 2500);
        // The job of the import finds nothing to do.
        let node = installation.start();
        eventually("the queue is empty", || {
            installation.json(&["jobs", "list", "--status", "pending"]).is_empty().then_some(())
        });
        drop(node);
        once_each(&installation, 2500);
    });
}

#[test]
fn a_server_that_is_killed_goes_on_with_the_import_when_it_is_back() {
    both(|installation| {
        let (installation, key) = acme(installation);
        let text = fs::read_to_string(file(&installation, 2500)).unwrap();
        let mut node = installation.start();
        let request = Request::post("/v1/customers/imports", json!({ "csv": text }).to_string());
        let request =
            request.header("content-type", "application/json").header("authorization", format!("Bearer {key}"));
        let request = request.header("idempotency-key", "import-1");
        let begun = node.send(&request);
        assert_eq!(begun.status, 200, "{}", begun.text());
        let mut before = 0;
        for _ in 0..2 {
            eventually("it moves", || (done(&installation) > before || !is_running(&installation)).then_some(()));
            before = done(&installation);
            node.kill();
            node.start_again(&installation);
        }
        assert_eq!(node.send(&request).json()["_id"], begun.json()["_id"], "asked again, it is the same import");
        eventually("it is over", || (!is_running(&installation)).then_some(()));
        let over = installation.json(&["customers", "page-imports"]).remove(0);
        assert_eq!((&over["status"], &over["imported"], &over["rejected"]), (&json!("done"), &json!(2500), &json!(0)));
        once_each(&installation, 2500);
    });
}

#[test]
fn a_command_elsewhere_begins_an_import_and_watches_the_server_do_it() {
    both(|installation| {
        let (installation, key) = acme(installation);
        let node = installation.start();
        let away = Installation::new(None).with("TRUNKLINE_URL", &format!("http://{}/", node.address));
        let away = away.with("TRUNKLINE_API_KEY", &key);
        let csv = file(&away, 350);
        let over = away.json(&["customers", "import", csv.to_str().unwrap()]).remove(0);
        assert_eq!((&over["status"], &over["imported"], &over["errors"]), (&json!("done"), &json!(350), &json!([])));
        assert_eq!((&over["fileName"], over["startedBy"] == json!("operator")), (&json!("customers.csv"), false));
        let again = away.run(&["customers", "import", csv.to_str().unwrap()]);
        assert_eq!(again.code, Some(11), "{}", again.stderr);
        assert!(
            again.stdout.contains("imported 0 of 350 rows") && again.stdout.contains("is there already"),
            "{again:?}"
        );
        let exported = away.folder().join("out.csv");
        let ran = away.run(&["customers", "export", "--out", exported.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(exported).unwrap(), away.run(&["customers", "export"]).stdout);
    });
}

#[test]
fn a_preview_shows_what_would_become_of_a_file_and_writes_nothing() {
    both(|installation| {
        let (installation, _) = acme(installation);
        let csv = installation.file("some.csv", "Firma;E-Mail;Fax\nAcme;ada@acme.example;1\n;x;\nBolt;;2\n");
        let words = ["customers", "import", csv.to_str().unwrap(), "--preview", "--name-column", "firma"];
        let ran = installation.run(&words);
        assert_eq!(ran.code, Some(11), "{}", ran.stderr);
        for part in ["name from \"Firma\"", "not imported: Fax", "2 of 3 rows", "Acme", "3     Firma", "it is empty"] {
            assert!(ran.stdout.contains(part), "{part}:\n{}", ran.stdout);
        }
        let shown = installation.run(&[&words[..], &["--json"]].concat());
        let shown: Value = serde_json::from_str(&shown.stdout).expect("one object");
        assert_eq!((&shown["valid"], &shown["separator"]), (&json!(2), &json!("semicolon")));
        assert_eq!(number(&installation, "select cast(count(*) as text) from customer_imports"), 0);
        assert_eq!(number(&installation, "select cast(count(*) as text) from customers"), 0);
        let good = installation.file("good.csv", "name\nAcme\n");
        assert_eq!(installation.run(&["customers", "import", good.to_str().unwrap(), "--preview"]).code, Some(0));
    });
}

#[test]
fn what_does_not_fit_into_the_plan_is_left_out_and_the_exit_code_says_that_it_was_done_in_part() {
    both(|installation| {
        installation.json(&["organizations", "create", "--name", "Acme"]);
        let csv = installation.file("five.csv", "name\nA\nB\nC\nD\nE\n");
        let preview = installation.run(&["customers", "import", csv.to_str().unwrap(), "--preview"]);
        assert!(preview.stdout.contains("the plan has room for 3 more"), "{}", preview.stdout);
        let ran = installation.run(&["customers", "import", csv.to_str().unwrap()]);
        assert_eq!(ran.code, Some(11), "{}", ran.stderr);
        assert!(
            ran.stdout.contains("imported 3 of 5 rows") && ran.stdout.contains("the plan Free allows 3"),
            "{ran:?}"
        );
    });
}

#[test]
fn a_file_that_nobody_can_read_is_refused_with_one_sentence_that_says_what_to_do() {
    both(|installation| {
        installation.json(&["organizations", "create", "--name", "Acme"]);
        for (name, bytes, cure) in [
            ("empty", &b""[..], "begin with a line such as name,email,notes"),
            ("head", b"name,email\n", "write one customer on each line"),
            ("headless", b"Acme,a@b.example\nBolt,\n", "call one of them name"),
            ("latin", b"name\nAcme\nB\xe4cker\n", "is not UTF-8 on line 3: save it as UTF-8"),
            ("wide", b"\xff\xfen\0a\0m\0e\0", "UTF-16 text: save it as UTF-8"),
            ("workbook", b"PK\x03\x04\x14\0", "is a workbook: save its sheet as CSV UTF-8"),
            ("binary", b"\x7fELF\0\0\0name", "is not UTF-8 text: save it as UTF-8"),
            ("open", b"name\nAcme\n\"Bolt\n", "line 3: the quote that opens a field is never closed"),
            ("twice", b"name,company\na,b\n", "rename one of them"),
        ] {
            let csv = installation.file(name, bytes);
            let ran = installation.run(&["customers", "import", csv.to_str().unwrap()]);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{name}: {}", ran.stderr);
            assert!(ran.stderr.contains(cure), "{name}: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{name}: {}", ran.stderr);
        }
        assert_eq!(installation.run(&["customers", "import", "nowhere.csv"]).code, Some(3));
        assert_eq!(installation.run(&["customers", "import"]).code, Some(2));
        let unknown = ["customers", "import", "--resume", "imp_01kaj3v0q8e5hbm9x2w7c4d6f0"];
        assert_eq!(installation.run(&unknown).code, Some(3));
        assert_eq!(number(&installation, "select cast(count(*) as text) from customer_imports"), 0);
    });
}

#[test]
fn what_is_exported_and_imported_elsewhere_is_exported_there_again() {
    both(|installation| {
        let (installation, _) = acme(installation);
        installation.json(&["organizations", "create", "--name", "Other", "--external-id", "demo=other"]);
        let import = |path: &str, organization: &str| {
            let words = ["customers", "import", path, "--organization", organization];
            assert_eq!(installation.run(&words).code, Some(0), "{words:?}");
        };
        let export =
            |organization: &str| installation.run(&["customers", "export", "--organization", organization]).stdout;
        let content = |csv: &str| {
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let rows = reader.records().map(|row| row.expect("it is CSV"));
            let mut rows: Vec<_> = rows.map(|row| [1, 2, 3].map(|at| row[at].to_owned())).collect();
            rows.sort();
            rows
        };
        import(file(&installation, 1200).to_str().unwrap(), "acme");
        let exported = export("acme");
        let elsewhere = installation.file("exported.csv", &exported);
        import(elsewhere.to_str().unwrap(), "other");
        assert_eq!(content(&exported).len(), 1200);
        assert_eq!(content(&export("other")), content(&exported));
        assert!(exported.contains("'-7\nlast line"), "what a spreadsheet would run is a text");
    });
}
