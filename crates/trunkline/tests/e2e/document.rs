//! The OpenAPI document of the standard server, tested with external tools.

use std::process::{Command, Output};

use serde_json::{Value, json};
use testkit::Tokens;

use crate::harness::{Installation, Node, Request, Standins, sqlite};

#[test]
fn openapi_typescript_makes_types_of_the_whole_document_that_compile() {
    let Some(standins) = Standins::find() else { return };
    sqlite(|installation| {
        assert_eq!(installation.run(&["openapi", "--out", "openapi.json"]).code, Some(0));
        let tool = |name: &str| {
            let mut command = Command::new(standins.folder().join("node_modules/.bin").join(name));
            command.current_dir(installation.folder());
            command
        };
        succeeds(tool("openapi-typescript").args(["openapi.json", "--output", "rest.ts"]));
        succeeds(tool("tsc").args(["--strict", "--noEmit", "rest.ts"]));
        let types = std::fs::read_to_string(installation.folder().join("rest.ts")).expect("they were written");
        assert!(types.contains("\"customers:create\""), "{types}");
    });
}

#[test]
fn schemathesis_finds_no_answer_of_the_standard_server_that_its_document_does_not_describe() {
    let Some(schemathesis) = Standins::find().and_then(|standins| standins.python("schemathesis")) else { return };
    sqlite(|installation| {
        let tokens = Tokens::new();
        let installation = lively(installation, &tokens);
        let node = installation.start();
        let acme = Acme::new(&node, &tokens);
        installation.file("schemathesis.toml", &acme.known);
        let mut command = Command::new(schemathesis);
        command.current_dir(installation.folder()).args(["run", "--seed=1", "--max-examples=5", "--workers=1"]);
        // An operation accepts fewer values than its schema allows: a cursor is a text, but not any text.
        command.args(["--checks=all", "--exclude-checks=positive_data_acceptance"]);
        command.arg("--phases=examples,coverage,fuzzing");
        command.arg("-H").arg(format!("Authorization: Bearer {}", acme.owner));
        // The tool creates organizations too, and must stay in this one.
        command.arg("-H").arg(format!("X-Organization: {}", acme.organization));
        succeeds(command.arg(format!("http://{}/openapi.json", node.address)));
    });
}

/// Configures an issuer of tokens, and no rate limits.
fn lively(installation: Installation, tokens: &Tokens) -> Installation {
    ["TRUNKLINE_RATE_CALLER", "TRUNKLINE_RATE_ORGANIZATION", "TRUNKLINE_RATE_OPERATION"]
        .into_iter()
        .fold(installation, |installation, limit| installation.with(limit, "0"))
        .with("AUTH_JWT_ISSUERS", &tokens.issuer_json())
        .with("PLANS", r#"[{"id":"free","name":"Free","maxCustomers":1000,"maxStaff":1000,"maxClients":1000}]"#)
}

/// An organization with people and rows.
struct Acme {
    organization: String,
    owner: String,
    /// The ids of its rows, in the form that schemathesis takes.
    known: String,
}

impl Acme {
    fn new(node: &Node, tokens: &Tokens) -> Self {
        let token = |name: &str| tokens.token(name, json!({ "email": format!("{name}@acme.example"), "name": name }));
        let (owner, staff) = (token("ada"), token("bob"));
        let made = |token: &str, path: &str, body: Value| {
            let request = Request::post(path, body.to_string()).header("content-type", "application/json");
            let answer = node.send(&request.header("authorization", format!("Bearer {token}")));
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            answer.json()
        };
        let id = |made: &Value, name: &str| made[name].as_str().expect("an id").to_owned();
        let organization = id(&made(&owner, "/v1/organizations", json!({ "name": "Acme" })), "_id");
        let customer = id(&made(&owner, "/v1/customers", json!({ "name": "Bolt" })), "_id");
        made(&owner, "/v1/invitations", json!({ "email": "bob@acme.example", "role": "staff" }));
        let user = id(&made(&staff, "/v1/invitations/accept", json!({})), "_id");
        // While the invitation is pending, the customer cannot be deleted.
        let client = json!({ "email": "eve@bolt.example", "role": "client", "customerId": customer });
        let invitation = id(&made(&owner, "/v1/invitations", client), "invitationId");
        let key = id(&made(&owner, "/v1/api-keys", json!({ "name": "CI", "role": "viewer" })), "_id");
        let known = format!(
            "[parameters]\n\"path.customerId\" = \"{customer}\"\n\"path.userId\" = \"{user}\"\n\
             \"path.invitationId\" = \"{invitation}\"\n\"path.apiKeyId\" = \"{key}\"\n"
        );
        Self { organization, owner, known }
    }
}

fn succeeds(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().expect("a tool starts");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}");
}
