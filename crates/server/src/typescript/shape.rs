//! The types of TypeScript that schemas need.

use std::collections::BTreeSet;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Any,
    Never,
    Null,
    Boolean,
    Number,
    Text,
    /// A literal, as it is written.
    Literal(String),
    /// The id of a row of this table.
    Id(String),
    /// A named type.
    Named(String),
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    /// An index signature: any names, with values of one type.
    Map(Box<Shape>),
    Object(Vec<Field>),
    Either(Vec<Choice>),
    All(Vec<Shape>),
    /// The options of a page, as the Convex clients send them.
    PageOptions,
    /// A page, as the Convex clients expect it.
    Page(Box<Shape>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) words: String,
    pub(super) optional: bool,
    pub(super) shape: Shape,
}

/// One variant of a union.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) words: String,
    pub(super) shape: Shape,
}

impl Shape {
    /// Returns the union of these, without duplicates.
    pub(super) fn either(choices: Vec<Choice>) -> Self {
        let mut all: Vec<Choice> = Vec::new();
        for choice in choices {
            let parts = if let Self::Either(inner) = choice.shape { inner } else { vec![choice] };
            for part in parts {
                if !all.iter().any(|known| known.shape == part.shape) {
                    all.push(part);
                }
            }
        }
        if all.iter().any(|choice| choice.shape == Self::Any) {
            return Self::Any;
        }
        if all.len() == 1 {
            return all.remove(0).shape;
        }
        Self::Either(all)
    }

    /// Returns the union of these.
    pub(super) fn one_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        Self::either(shapes.into_iter().map(|shape| Choice { words: String::new(), shape }).collect())
    }

    /// Returns the intersection of these.
    pub(super) fn all(mut shapes: Vec<Self>) -> Self {
        shapes.retain(|shape| *shape != Self::Any);
        match shapes.len() {
            0 => Self::Any,
            1 => shapes.remove(0),
            _ => Self::All(shapes),
        }
    }

    /// Calls `seen` with this type and every type in it.
    pub(super) fn visit(&self, seen: &mut impl FnMut(&Self)) {
        seen(self);
        match self {
            Self::List(of) | Self::Map(of) | Self::Page(of) => of.visit(seen),
            Self::Tuple(all) | Self::All(all) => all.iter().for_each(|one| one.visit(seen)),
            Self::Object(fields) => fields.iter().for_each(|field| field.shape.visit(seen)),
            Self::Either(choices) => choices.iter().for_each(|choice| choice.shape.visit(seen)),
            Self::Any
            | Self::Never
            | Self::Null
            | Self::Boolean
            | Self::Number
            | Self::Text
            | Self::Literal(_)
            | Self::Id(_)
            | Self::Named(_)
            | Self::PageOptions => {}
        }
    }
}

/// Returns the names that these types use from `convex/server`.
pub(super) fn from_convex<'a>(shapes: impl IntoIterator<Item = &'a Shape>) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    for shape in shapes {
        shape.visit(&mut |part| {
            if let Shape::PageOptions = part {
                names.insert("PaginationOptions");
            } else if let Shape::Page(_) = part {
                names.insert("PaginationResult");
            }
        });
    }
    names
}
