//! `/openapi.json`.

use serde_json::{Value, json};
use testkit::sqlite;

use crate::house::House;

#[tokio::test]
async fn the_document_describes_every_operation_and_is_served_to_anybody() {
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let document = house.stranger().get("/openapi.json").await.good();
        assert_eq!(document, server::openapi(house.operations.catalog()));
        let mut described = Vec::new();
        for methods in document["paths"].as_object().unwrap().values() {
            described.extend(methods.as_object().unwrap().values().map(|one| one["operationId"].as_str().unwrap()));
        }
        described.sort_unstable();
        let all: Vec<_> = house.operations.catalog().all().map(|one| one.description.name).collect();
        assert_eq!(described, all);
    })
    .await;
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let document = server::openapi(house.operations.catalog());
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 20);
        for reference in references {
            let target = document.pointer(reference.strip_prefix('#').unwrap());
            assert!(target.is_some(), "{reference}");
        }
    })
    .await;
}

fn collect<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn arguments_are_described_where_they_stand() {
    sqlite(|database| async move {
        let house = House::new(&database).await;
        let document = server::openapi(house.operations.catalog());
        let change = &document["paths"]["/v1/notes/{noteId}"]["patch"];
        let in_path = json!({
            "name": "noteId", "in": "path", "required": true, "schema": { "type": "integer", "format": "int64" },
        });
        assert_eq!(change["parameters"][0], in_path);
        let body = &change["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["properties"], json!({ "text": { "type": "string" } }));
        assert_eq!((&body["required"], &body["additionalProperties"]), (&json!(["text"]), &json!(false)));

        let page = &document["paths"]["/v1/notes"]["get"];
        let names: Vec<_> =
            page["parameters"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(names, ["numItems", "cursor", "endCursor"]);
        assert_eq!(page["summary"], "A page of the notes");
        assert_eq!(page["tags"], json!(["notes"]));
        for status in ["200", "304", "401", "403", "404", "422", "429", "500"] {
            assert!(page["responses"][status].is_object(), "{status}");
        }
        assert_eq!(document["paths"]["/v1/greeting"]["get"]["security"][0], json!({}));
    })
    .await;
}
