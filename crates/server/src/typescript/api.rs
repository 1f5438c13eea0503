//! Writes `api.js` and `api.d.ts`: the operations by module and name.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Catalog, Description, Kind};
use kernel::Result;

use super::{
    inexpressible, names, read,
    shape::{Shape, from_convex},
    text,
};
use crate::openapi::for_whom;

/// An operation.
pub(super) struct Call {
    name: &'static str,
    kind: &'static str,
    words: String,
    pub(super) arguments: Shape,
    pub(super) answer: Shape,
}

/// Returns all operations, by name.
pub(super) fn calls(catalog: &Catalog) -> Result<Vec<Call>> {
    catalog.all().map(|operation| call(&operation.description)).collect()
}

fn call(description: &Description) -> Result<Call> {
    let refused = |what: String| inexpressible(description.name, &what);
    let arguments = match &description.arguments["properties"] {
        // Without this case, an object without fields would accept any field.
        nothing if nothing.as_object().is_none_or(serde_json::Map::is_empty) => Shape::Object(Vec::new()),
        _ => read::shape(&description.arguments).map_err(refused)?,
    };
    Ok(Call {
        name: description.name,
        kind: match description.kind {
            Kind::Query => "query",
            Kind::Mutation => "mutation",
            Kind::Action => "action",
        },
        words: format!("{}\n\n{}", description.summary, for_whom(description.access)).trim().to_owned(),
        arguments,
        answer: read::shape(&description.output).map_err(refused)?,
    })
}

/// Returns the JavaScript file. Names are looked up at run time, so that it is the same for every product.
pub(super) fn script() -> &'static str {
    "import { anyApi } from \"convex/server\";\n\nexport const api = anyApi;\n"
}

/// Returns the file of types.
///
/// # Errors
/// `Unsupported` when an operation and a module have the same name.
pub(super) fn declaration(calls: &[Call]) -> Result<String> {
    let mut tree = Module::default();
    for call in calls {
        tree.add(call)?;
    }
    let mut text = imports(calls);
    text.push_str("\n/** Every operation, by its module and name: what the hooks and clients of Convex take. */\n");
    text += &format!("export declare const api: {};\n", tree.text(0));
    Ok(text)
}

fn imports(calls: &[Call]) -> String {
    let shapes: Vec<_> = calls.iter().flat_map(|call| [&call.arguments, &call.answer]).collect();
    let mut convex = from_convex(shapes.iter().copied());
    convex.insert("FunctionReference");
    let mut imports = import_from_convex(&convex);
    let mut model = BTreeSet::new();
    for shape in shapes {
        shape.visit(&mut |part| {
            if let Shape::Id(_) = part {
                model.insert("Id".to_owned());
            } else if let Shape::Named(name) = part {
                model.insert(names::of_type(name));
            }
        });
    }
    if !model.is_empty() {
        let model: String = model.iter().map(|name| format!("  {name},\n")).collect();
        imports += &format!("import type {{\n{model}}} from \"./dataModel.js\";\n");
    }
    imports
}

/// Returns the line that imports these types from `convex/server`; empty without any.
pub(super) fn import_from_convex(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<_> = names.iter().copied().collect();
    format!("import type {{ {} }} from \"convex/server\";\n", names.join(", "))
}

/// A module: its operations, and the modules inside it.
#[derive(Default)]
struct Module<'a> {
    calls: BTreeMap<&'a str, &'a Call>,
    modules: BTreeMap<&'a str, Module<'a>>,
}

impl<'a> Module<'a> {
    /// Adds `a/b:c` as `api.a.b.c`.
    fn add(&mut self, call: &'a Call) -> Result<()> {
        let (path, function) = call.name.split_once(':').unwrap_or((call.name, "default"));
        let mut module = self;
        for part in path.split('/') {
            if module.calls.contains_key(part) {
                return Err(inexpressible(call.name, "that a module has the name of an operation"));
            }
            module = module.modules.entry(part).or_default();
        }
        if module.modules.contains_key(function) {
            return Err(inexpressible(call.name, "that an operation has the name of a module"));
        }
        module.calls.insert(function, call);
        Ok(())
    }

    fn text(&self, indent: usize) -> String {
        let inner = indent + 2;
        let mut text = "{\n".to_owned();
        for (name, module) in &self.modules {
            text += &format!("{:inner$}{}: {};\n", "", names::of_field(name), module.text(inner));
        }
        for (name, call) in &self.calls {
            text.push_str(&text::comment(&call.words, inner));
            text += &format!("{:inner$}{}: {};\n", "", names::of_field(name), call.text(inner));
        }
        text + &format!("{:indent$}}}", "")
    }
}

impl Call {
    fn text(&self, indent: usize) -> String {
        let arguments = text::shape(&self.arguments, indent);
        let answer = text::shape(&self.answer, indent);
        format!("FunctionReference<\"{}\", \"public\", {arguments}, {answer}>", self.kind)
    }
}
