//! TypeScript types from schemas of every structure.

use std::{collections::BTreeMap, os::unix::fs::symlink, process::Command};

use async_trait::async_trait;
use engine::{Query, QueryCtx, Registry, get, operation::Route};
use kernel::{Access, Code, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::judges::{succeeds, tool};

/// A query that is never asked.
macro_rules! query {
    ($name:ident $fields:tt, $operation:literal -> $output:ty) => {
        #[derive(Serialize, Deserialize, JsonSchema)]
        struct $name $fields

        #[async_trait]
        impl Query for $name {
            const NAME: &'static str = $operation;
            const ACCESS: Access = Access::Public;
            const ROUTE: Route = get(concat!("/v1/", $operation));
            type Output = $output;

            async fn run(self, _: &mut QueryCtx<'_>) -> Result<$output> {
                Err(kernel::Error::not_found("nothing", "nobody asks this"))
            }
        }
    };
}

/// Anything that serde writes. It even ends comments: */
#[derive(Serialize, Deserialize, JsonSchema)]
struct Everything {
    bytes: (u8, String),
    #[serde(rename = "2fa")]
    second: bool,
    by_name: BTreeMap<String, Vec<Shape>>,
    by_number: BTreeMap<u32, f64>,
    parent: Option<Box<Everything>>,
    anything: Value,
    #[serde(flatten)]
    more: More,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<char>,
    loose: Loose,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct More {
    list: [i64; 2],
    level: Level,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Level {
    High,
    #[serde(rename = "not \"high\"")]
    Low,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Shape {
    /// Round.
    Circle {
        radius: f64,
    },
    Square(Side),
    Point,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Side {
    length: f64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Loose {
    Number(i64),
    Words(Vec<String>),
    Nothing,
}

query!(Show { id: Option<i64> }, "deep/inside:show" -> Everything);
query!(Default {}, "deep/inside:default" -> Vec<Option<Everything>>);

/// Code that uses the types of the queries above.
const USES: &str = r#"
import type { FunctionArgs, FunctionReturnType } from "convex/server";
import { api } from "./api.js";
import type { Everything, Shape } from "./dataModel.js";
type Answer = FunctionReturnType<typeof api.deep.inside.show>;
export const args: FunctionArgs<typeof api.deep.inside.show> = {};
export const listed = (all: FunctionReturnType<typeof api.deep.inside.default>): Array<Everything | null> => all;
export function use(answer: Answer) {
  const bytes: [number, string] = answer.bytes;
  const second: boolean = answer["2fa"];
  const number: number | undefined = answer.by_number["7"];
  const level: "High" | "not \"high\"" = answer.level;
  const parent: Everything | null = answer.parent;
  const absent: string | undefined = answer.absent;
  const loose: number | string[] | null = answer.loose;
  const area = (shape: Shape): number => {
    switch (shape.kind) {
      case "circle": return shape.radius * shape.radius * Math.PI;
      case "square": return shape.length * shape.length;
      case "point": return 0;
    }
  };
  // @ts-expect-error: it is not there in each of the shapes
  const radius: number = answer.by_name["a"]![0]!.radius;
  return { bytes, second, number, level, parent, absent, loose, area, radius };
}
"#;

#[test]
fn what_serde_writes_has_a_type_that_compiles() {
    let Some(compiler) = tool("node_modules/.bin/tsc") else { return };
    let mut registry = Registry::new();
    registry.query::<Show>().query::<Default>();
    let folder = tempfile::tempdir().unwrap();
    for file in server::typescript(&registry.freeze().unwrap(), "product codegen typescript").unwrap() {
        assert!(file.text.starts_with("// Made by `product codegen typescript`: do not edit.\n"), "{}", file.text);
        std::fs::write(folder.path().join(file.name), file.text).unwrap();
    }
    std::fs::write(folder.path().join("uses.ts"), USES).unwrap();
    symlink(compiler.ancestors().nth(2).unwrap(), folder.path().join("node_modules")).unwrap();
    let words = "--strict --noEmit --target es2022 --module esnext --moduleResolution bundler --lib es2022,dom --types react uses.ts";
    succeeds(Command::new(compiler).args(words.split(' ')).current_dir(folder.path()));
}

/// A type that is anything but a text.
#[derive(Serialize)]
struct NoText;

impl JsonSchema for NoText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NoText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "not": { "type": "string" } })
    }
}

query!(Refused {}, "things:refused" -> Vec<NoText>);

#[test]
fn a_schema_that_no_type_expresses_is_named() {
    let mut registry = Registry::new();
    registry.query::<Refused>();
    let error = server::typescript(&registry.freeze().unwrap(), "").map(drop).unwrap_err();
    assert_eq!((error.code, error.tag), (Code::Unsupported, "schema_inexpressible"));
    assert_eq!(error.message, "TypeScript has no type for the schema of NoText: it cannot say `not`");
}

query!(Module {}, "deep/inside:one" -> i64);
query!(Same {}, "deep:inside" -> i64);

#[test]
fn a_module_and_an_operation_of_one_name_are_refused() {
    let mut registry = Registry::new();
    registry.query::<Module>().query::<Same>();
    let error = server::typescript(&registry.freeze().unwrap(), "").map(drop).unwrap_err();
    assert!(error.message.contains("deep:inside"), "{error}");
}
