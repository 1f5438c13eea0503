//! Customers as files: accepted and rejected rows, and the customers afterwards.

use app::customer_files::{CustomerImport, ImportRun, ImportStatus};
use kernel::{Code, Id, Result};
use serde_json::{Value, json};
use testkit::{both, milliseconds};

use crate::people::{Office, Somebody, code, tag, text};

/// Returns a file with this many customers.
fn file(count: usize) -> String {
    (0..count)
        .fold("name,email,notes\n".to_owned(), |file, n| file + &format!("Customer {n},c{n}@example.com,note {n}\n"))
}

async fn preview(office: &Office, who: &Somebody, csv: &str) -> Result<Value> {
    office.ask(who, "customers:previewImport", json!({ "csv": csv })).await
}

/// Imports a file, and does the work of its job.
async fn import(office: &Office, who: &Somebody, arguments: Value) -> Value {
    let begun = office.change(who, "customers:import", arguments).await.expect("it can begin");
    office.app.run_jobs().await;
    status(office, who, &begun).await
}

async fn status(office: &Office, who: &Somebody, import: &Value) -> Value {
    let asked = json!({ "importId": import["_id"] });
    office.ask(who, "customers:importStatus", asked).await.expect("an admin may look")
}

/// Returns the line and the code of each error of an import.
async fn errors(office: &Office, who: &Somebody, import: &Value) -> Vec<(i64, String)> {
    let asked = json!({ "importId": import["_id"], "paginationOpts": { "numItems": 1000 } });
    let page = office.ask(who, "customers:pageImportErrors", asked).await.expect("an admin may look");
    let errors = page["page"].as_array().expect("a page").clone();
    errors.iter().map(|error| (error["line"].as_i64().expect("a line"), text(&error["code"]))).collect()
}

/// Exports all customers that a caller sees, in parts of this length, and concatenates them.
async fn exported(office: &Office, who: &Somebody, rows: u32) -> String {
    let (mut file, mut cursor) = (String::new(), Value::Null);
    loop {
        let asked = json!({ "paginationOpts": { "numItems": rows, "cursor": cursor } });
        let part = office.ask(who, "customers:export", asked).await.expect("whoever lists may export");
        file += part["text"].as_str().expect("a text");
        if part["isDone"] == true {
            return file;
        }
        cursor = part["continueCursor"].clone();
    }
}

/// Returns the content of customers, in an order that does not depend on their creation.
async fn content(office: &Office, who: &Somebody) -> Vec<(Value, Value, Value)> {
    let listed = office.ask(who, "customers:list", json!({})).await.expect("anybody may ask");
    let rows = listed.as_array().expect("a list").iter();
    let mut rows: Vec<_> = rows.map(|one| (one["name"].clone(), one["email"].clone(), one["notes"].clone())).collect();
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

#[tokio::test]
async fn a_preview_says_what_an_import_would_do_and_writes_nothing() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        office.plan(json!({ "maxCustomers": 2 })).await;
        office.customer(&owner, "bolt").await;
        let csv = "\u{feff}Company;E-Mail;Phone\r\nAcme;ada@acme.example;1\r\n;x;2\r\nBolt;;3\r\nCove;;4\r\nacme;ADA@ACME.example;5\r\n";
        let shown = preview(&office, &owner, csv).await.unwrap();
        let errors = shown["errors"].as_array().unwrap();
        let reasons: Vec<_> = errors.iter().map(|error| (error["line"].clone(), text(&error["code"]))).collect();
        assert_eq!(
            reasons,
            [(3, "name_invalid"), (3, "email_invalid"), (4, "customer_exists"), (6, "duplicate_in_file")]
                .map(|(line, code)| (json!(line), code.to_owned()))
        );
        assert_eq!(errors[1]["message"], "\"x\": an e-mail address looks like ada@example.com");
        assert_eq!(
            (&shown["separator"], &shown["nameColumn"], &shown["emailColumn"], &shown["ignoredColumns"]),
            (&json!("semicolon"), &json!("Company"), &json!("E-Mail"), &json!(["Phone"]))
        );
        assert_eq!((&shown["rows"], &shown["valid"], &shown["rejected"]), (&json!(5), &json!(2), &json!(3)));
        assert_eq!(shown["first"][0], json!({ "line": 2, "name": "Acme", "email": "ada@acme.example" }));
        assert_eq!(shown["room"], json!({ "count": 1, "max": 2, "isEnough": false }));
        office.app.run_jobs().await;
        assert_eq!(office.customers(&owner).await, ["bolt"]);
        let imports = json!({ "paginationOpts": { "numItems": 10 } });
        assert_eq!(office.ask(&owner, "customers:pageImports", imports).await.unwrap()["page"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn good_rows_become_customers_and_wrong_ones_are_named_with_their_line() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let csv = format!("{}nobody\t\n,x@y\nCustomer 7,C7@example.com\nTail\n", file(250));
        let done = import(&office, &owner, json!({ "csv": csv, "fileName": "all.csv" })).await;
        let counts = ["rows", "done", "imported", "rejected"].map(|name| done[name].clone());
        assert_eq!(counts, [254, 254, 252, 2].map(Value::from), "{done}");
        assert_eq!(
            (&done["status"], &done["fileName"], &done["startedBy"]),
            (&json!("done"), &json!("all.csv"), &json!("owner"))
        );
        let expected = [(253, "name_invalid"), (253, "email_invalid"), (254, "duplicate_in_file")];
        assert_eq!(errors(&office, &owner, &done).await, expected.map(|(line, code)| (line, code.to_owned())));
        assert_eq!(office.customers(&owner).await.len(), 252);

        let again = import(&office, &owner, json!({ "csv": file(3) })).await;
        assert_eq!((&again["imported"], &again["rejected"]), (&json!(0), &json!(3)));
        assert_eq!(errors(&office, &owner, &again).await[0], (2, "customer_exists".to_owned()));
        let twice = import(&office, &owner, json!({ "csv": file(3), "duplicates": "import" })).await;
        assert_eq!((&twice["imported"], &twice["rejected"]), (&json!(3), &json!(0)));
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_into_the_plan_is_left_out_and_says_so() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        office.plan(json!({ "maxCustomers": 1050 })).await;
        let done = import(&office, &owner, json!({ "csv": file(1060) })).await;
        assert_eq!((&done["imported"], &done["rejected"]), (&json!(1050), &json!(10)));
        let errors = errors(&office, &owner, &done).await;
        assert_eq!((errors.len(), &errors[0]), (10, &(1052, "customer_limit_reached".to_owned())));
        assert_eq!(office.ask(&owner, "customers:usage", json!({})).await.unwrap()["count"], 1050);
        assert_eq!(office.app.jobs().await.len(), 2, "a long import is more than one job");
    })
    .await;
}

#[tokio::test]
async fn slices_that_several_do_at_once_are_done_once_each() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let organization = office.organization(&owner).await;
        let begun = office.change(&owner, "customers:import", json!({ "csv": file(900) })).await.unwrap();
        let import = Id::parse(&text(&begun["_id"])).unwrap();
        let workers = (0..4).map(|_| {
            let db = engine::ScopedDb::new(&office.app.db, organization.clone().into());
            let (world, publisher) = (office.app.world.clone(), office.operations.publisher().clone());
            let (organization, import) = (organization.clone(), import.clone());
            tokio::spawn(async move {
                let work = ImportRun::begin(&db, &world, &publisher, &organization, &import).await.unwrap();
                let Some(work) = work else { return };
                let over = |import: &CustomerImport| import.status != ImportStatus::Running;
                while !over(&work.go_on().await.unwrap()) {}
            })
        });
        let workers: Vec<_> = workers.collect();
        office.app.run_jobs().await;
        for worker in workers {
            worker.await.unwrap();
        }
        let done = status(&office, &owner, &begun).await;
        assert_eq!((&done["status"], &done["done"], &done["imported"]), (&json!("done"), &json!(900), &json!(900)));
        let mut names = office.customers(&owner).await;
        names.dedup();
        assert_eq!(names.len(), 900);
    })
    .await;
}

#[tokio::test]
async fn an_import_is_one_at_a_time_and_can_be_cancelled_and_resumed() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let begun = office.change(&owner, "customers:import", json!({ "csv": file(300) })).await.unwrap();
        let this = json!({ "importId": begun["_id"] });
        assert_eq!(tag(office.change(&owner, "customers:import", json!({ "csv": file(1) })).await), "import_running");

        let organization = office.organization(&owner).await;
        let import = Id::parse(&text(&begun["_id"])).unwrap();
        let db = engine::ScopedDb::new(&office.app.db, organization.clone().into());
        let publisher = office.operations.publisher();
        let work = ImportRun::begin(&db, &office.app.world, publisher, &organization, &import).await.unwrap().unwrap();
        assert_eq!(work.go_on().await.unwrap().done, 100);
        let cancelled = office.change(&owner, "customers:cancelImport", this.clone()).await.unwrap();
        assert_eq!((&cancelled["status"], &cancelled["done"]), (&json!("cancelled"), &json!(100)));
        assert_eq!(work.go_on().await.unwrap().done, 100, "who is at work hears of it");
        office.app.run_jobs().await;
        assert_eq!(office.customers(&owner).await.len(), 100, "what was imported stays");
        assert_eq!(tag(office.change(&owner, "customers:resumeImport", this).await), "import_cancelled");

        let begun = office.change(&owner, "customers:import", json!({ "csv": file(300) })).await.unwrap();
        let this = json!({ "importId": begun["_id"] });
        let job = office.app.jobs().await.pop().unwrap();
        let id = engine::JobId::parse(&job.id).unwrap();
        engine::cancel_job(&office.app.db, &office.app.world, &id).await.unwrap();
        office.app.run_jobs().await;
        assert_eq!(status(&office, &owner, &begun).await["done"], 0, "its job was cancelled");
        office.change(&owner, "customers:resumeImport", this.clone()).await.unwrap();
        office.app.run_jobs().await;
        let done = status(&office, &owner, &begun).await;
        assert_eq!((&done["imported"], &done["rejected"]), (&json!(200), &json!(100)));
        assert_eq!(tag(office.change(&owner, "customers:cancelImport", this.clone()).await), "import_done");
        assert_eq!(tag(office.change(&owner, "customers:resumeImport", this).await), "import_done");
    })
    .await;
}

#[tokio::test]
async fn an_export_imported_elsewhere_makes_the_same_customers() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        for (name, email, notes) in [
            ("Acme, \"Inc\"", Some("ada@acme.example"), Some("one\r\ntwo; three\n")),
            ("=1+1", None, Some("- a list")),
            ("'=quoted", Some("+plus@acme.example"), Some("\t@tab")),
            ("Ärzte; 100%", Some("ADA@acme.example"), None),
            ("o'clock", None, Some("  kept  ")),
        ] {
            let new = json!({ "name": name, "email": email, "notes": notes });
            office.app.clock.advance(milliseconds(1));
            office.change(&owner, "customers:create", new).await.unwrap();
        }
        let exported = exported(&office, &owner, 2).await;
        assert!(exported.starts_with("id,name,email,notes,createdAt,updatedAt\n"), "{exported}");
        assert_eq!(exported.matches("createdAt").count(), 1, "{exported}");
        assert!(exported.contains(",'=1+1,") && exported.contains(",''=quoted,'+plus@"), "{exported}");

        let again = import(&office, &owner, json!({ "csv": exported.clone() })).await;
        assert_eq!((&again["imported"], &again["rejected"]), (&json!(0), &json!(5)), "they are there");
        let other = office.somebody("other");
        office.change(&other, "organizations:create", json!({ "name": "Other" })).await.unwrap();
        let there = import(&office, &other, json!({ "csv": exported, "duplicates": "import" })).await;
        assert_eq!((&there["imported"], &there["rejected"]), (&json!(5), &json!(0)));
        assert_eq!(content(&office, &other).await, content(&office, &owner).await);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_what_to_do() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        for (csv, wrong, cure) in [
            ("", "csv_empty", "begin with a line such as name,email,notes"),
            ("name,email\n", "csv_empty", "write one customer on each line"),
            ("Acme,ada@acme.example\nBolt,\n", "csv_columns", "call one of them name, or say with nameColumn"),
            ("name,company\na,b\n", "csv_columns", "rename one of them"),
            ("name\nAc\u{fffd}me\n", "csv_encoding", "save it as UTF-8"),
            ("name\n\"Acme\n", "csv_broken", "line 2: the quote that opens a field is never closed"),
            ("name\n\"Acme\" Inc\n", "csv_broken", "write a quote in a quoted field twice"),
            (&format!("name\n{}", "a\n".repeat(20_001)), "csv_too_large", "cut it into several files"),
            (&format!("name\n{}", "a".repeat(5_000_000)), "csv_too_large", "more than 5 MB"),
        ] {
            for error in [
                preview(&office, &owner, csv).await.unwrap_err(),
                office.change(&owner, "customers:import", json!({ "csv": csv })).await.unwrap_err(),
            ] {
                assert_eq!((error.code, error.tag), (Code::BadRequest, wrong));
                assert!(error.message.contains(cure), "{error}");
            }
        }
        let unknown = json!({ "csv": "name\na\n", "emailColumn": "Post" });
        let error = office.change(&owner, "customers:import", unknown).await.unwrap_err();
        assert!(error.message.contains("there is no column \"Post\": the first line names \"name\""), "{error}");
    })
    .await;
}

#[tokio::test]
async fn admins_import_and_everybody_exports_what_they_see() {
    both(|database| async move {
        let (office, owner) = Office::with_owner(&database).await;
        let (acme, _) = (office.customer(&owner, "Acme").await, office.customer(&owner, "Bolt").await);
        let admin = office.member(&owner, "admin", "admin", None).await;
        let viewer = office.member(&owner, "viewer", "viewer", None).await;
        let staff = office.member(&owner, "staff", "staff", None).await;
        let client = office.member(&owner, "client", "client", Some(&acme)).await;
        for (who, names) in [(&admin, "Bolt Acme"), (&viewer, "Bolt Acme"), (&staff, ""), (&client, "Acme")] {
            let file = exported(&office, who, 1000).await;
            let mut seen: Vec<_> = file.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
            seen.sort_unstable();
            let mut names: Vec<_> = names.split_whitespace().collect();
            names.sort_unstable();
            assert_eq!(seen, names);
        }
        let begun = office.change(&admin, "customers:import", json!({ "csv": file(1) })).await.unwrap();
        let this = json!({ "importId": begun["_id"] });
        let mut page = this.clone();
        page["paginationOpts"] = json!({ "numItems": 10 });
        for who in [&viewer, &staff, &client] {
            assert_eq!(code(preview(&office, who, "name\nX\n").await), Code::Forbidden);
            assert_eq!(code(office.ask(who, "customers:importStatus", this.clone()).await), Code::Forbidden);
            for operation in ["customers:import", "customers:cancelImport", "customers:resumeImport"] {
                let arguments = if operation == "customers:import" { json!({ "csv": file(1) }) } else { this.clone() };
                assert_eq!(code(office.change(who, operation, arguments).await), Code::Forbidden, "{operation}");
            }
        }
        let eve = office.somebody("eve");
        office.change(&eve, "organizations:create", json!({ "name": "Evil" })).await.unwrap();
        assert_eq!(tag(office.ask(&eve, "customers:importStatus", this.clone()).await), "import_not_found");
        assert_eq!(tag(office.ask(&eve, "customers:pageImportErrors", page).await), "import_not_found");
        assert_eq!(tag(office.change(&eve, "customers:cancelImport", this.clone()).await), "import_not_found");
        assert_eq!(tag(office.change(&eve, "customers:resumeImport", this).await), "import_not_found");
        office.change(&eve, "customers:import", json!({ "csv": file(1) })).await.expect("hers is another one");
    })
    .await;
}
