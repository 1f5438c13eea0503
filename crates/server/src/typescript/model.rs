//! Writes `dataModel.d.ts`: the named types, the documents of the tables, and ids.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Result;
use serde_json::{Map, Value};

use super::{
    api::{Call, import_from_convex},
    inexpressible, names, read,
    shape::{Field, Shape, from_convex},
    text,
};

/// The types of arguments and answers.
pub(super) struct Model {
    /// The named types that are used, by name.
    types: BTreeMap<String, Named>,
    /// The tables that ids name.
    tables: BTreeSet<String>,
}

struct Named {
    /// The name of the schema.
    definition: String,
    words: String,
    shape: Shape,
}

/// Names that the files define or import themselves.
const OWN: [&str; 8] =
    ["DataModel", "Doc", "FunctionReference", "GenericId", "Id", "PaginationOptions", "PaginationResult", "TableNames"];

impl Model {
    /// Collects the types that the calls refer to, and the types that those refer to.
    pub(super) fn of(definitions: &Map<String, Value>, calls: &[Call]) -> Result<Self> {
        let mut model = Self { types: BTreeMap::new(), tables: BTreeSet::new() };
        let mut wanted = Vec::new();
        for shape in calls.iter().flat_map(|call| [&call.arguments, &call.answer]) {
            model.note(shape, &mut wanted);
        }
        while let Some(name) = wanted.pop() {
            let safe = names::of_type(&name);
            match model.types.get(&safe) {
                Some(known) if known.definition == name => continue,
                Some(known) => {
                    let what = format!("two types named {safe}: {} is one already", known.definition);
                    return Err(inexpressible(&name, &what));
                }
                None => {}
            }
            let schema =
                definitions.get(&name).ok_or_else(|| inexpressible(&name, "a reference that leads nowhere"))?;
            let shape = read::shape(schema).map_err(|what| inexpressible(&name, &what))?;
            model.note(&shape, &mut wanted);
            if OWN.contains(&safe.as_str()) {
                return Err(inexpressible(&name, "its name, which every data model gives to something else"));
            }
            model.types.insert(safe, Named { words: read::words(schema), shape, definition: name });
        }
        Ok(model)
    }

    fn note(&mut self, shape: &Shape, wanted: &mut Vec<String>) {
        shape.visit(&mut |shape| {
            if let Shape::Id(table) = shape {
                self.tables.insert(table.clone());
            }
            if let Shape::Named(name) = shape {
                wanted.push(name.clone());
            }
        });
    }

    /// Writes the file.
    pub(super) fn declaration(&self) -> String {
        let mut text = import_from_convex(&from_convex(self.types.values().map(|named| &named.shape)));
        text.push_str("import type { GenericId } from \"convex/values\";\n");
        let tables: String = self.tables.iter().map(|table| format!("\n  | {}", names::text(table))).collect();
        let tables = if tables.is_empty() { " never".to_owned() } else { tables };
        let mut documents = String::new();
        for (table, name) in self.documents() {
            documents += &format!("  {}: {name};\n", names::of_field(table));
        }
        text += &format!(
            "\n/** The tables. */\nexport type TableNames ={tables};\n\n\
             /** The id of a row of a table: a string, which the types keep apart from those of other tables. */\n\
             export type Id<Table extends TableNames> = GenericId<Table>;\n\n\
             /** What a row of each table is for clients. */\nexport type DataModel = {{\n{documents}}};\n\n\
             /** A row of a table. */\n\
             export type Doc<Table extends keyof DataModel> = DataModel[Table];\n"
        );
        for (name, named) in &self.types {
            let shape = text::shape(&named.shape, 0);
            let space = if shape.starts_with('\n') { "" } else { " " };
            text += &format!("\n{}export type {name} ={space}{shape};\n", text::comment(&named.words, 0));
        }
        text
    }

    /// Returns the document type of each table. Several types may have the table's id: the document is the one with a
    /// creation time and the fewest fields, because types with more fields are documents with something added.
    fn documents(&self) -> BTreeMap<&str, &str> {
        let mut best: BTreeMap<&str, (bool, usize, &str)> = BTreeMap::new();
        for (name, named) in &self.types {
            let Shape::Object(fields) = &named.shape else { continue };
            let Some(Shape::Id(table)) = fields.iter().find(|field| field.name == "_id").map(|field| &field.shape)
            else {
                continue;
            };
            let is_timed = |field: &Field| field.name == "_creationTime";
            let rank = (!fields.iter().any(is_timed), fields.len(), name.as_str());
            let known = best.entry(table).or_insert(rank);
            *known = rank.min(*known);
        }
        best.into_iter().map(|(table, (_, _, name))| (table, name)).collect()
    }
}
