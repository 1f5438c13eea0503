//! Everything that can be called, by name. Surfaces are derived from it.

use std::{
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    sync::Arc,
};

use async_trait::async_trait;
use kernel::{Access, Error, Result};
use serde_json::{Map, Value};

use super::{
    Action, ActionCtx, Method, Mutation, MutationCtx, Query, QueryCtx, Route,
    arguments::{self, Arguments},
    schemas::Schemas,
};

/// What an operation may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Reads one snapshot.
    Query,
    /// Writes one transaction.
    Mutation,
    /// Runs once, outside of a transaction.
    Action,
}

/// What is known of an operation without running it.
#[derive(Clone, Debug)]
pub struct Description {
    /// `customers:create`
    pub name: &'static str,
    /// What it may do.
    pub kind: Kind,
    /// Who may call it.
    pub access: Access,
    /// Where REST serves it.
    pub route: Route,
    /// What it does, for people: the doc comment of its arguments.
    pub summary: String,
    /// The schema of its arguments: an object.
    pub arguments: Value,
    /// The schema of its answer: what may be absent in it is never null. References lead to [`Catalog::definitions`].
    pub output: Value,
    /// Whether its answer depends on the person who asks.
    pub personal: bool,
    /// Whether its answer is shown once and kept nowhere.
    pub shown_once: bool,
}

/// An operation.
pub struct Operation {
    /// What is known of it.
    pub description: Description,
    pub(super) arguments: Arguments,
    pub(super) run: Run,
}

#[derive(Clone)]
pub(super) enum Run {
    Query(Arc<dyn AnyQuery>),
    Mutation(Arc<dyn AnyMutation>),
    Action(Arc<dyn AnyAction>),
}

#[async_trait]
pub(super) trait AnyQuery: Send + Sync {
    async fn run(&self, ctx: &mut QueryCtx<'_>, arguments: Value) -> Result<Value>;
}

#[async_trait]
pub(super) trait AnyMutation: Send + Sync {
    async fn run(&self, ctx: &mut MutationCtx<'_>, arguments: Value) -> Result<Value>;
}

#[async_trait]
pub(super) trait AnyAction: Send + Sync {
    async fn run(&self, ctx: &ActionCtx, arguments: Value) -> Result<Value>;
}

struct Typed<O>(PhantomData<fn() -> O>);

#[async_trait]
impl<Q: Query> AnyQuery for Typed<Q> {
    async fn run(&self, ctx: &mut QueryCtx<'_>, arguments: Value) -> Result<Value> {
        let query: Q = arguments::typed(Q::NAME, arguments)?;
        arguments::answer(&query.run(ctx).await?)
    }
}

#[async_trait]
impl<M: Mutation> AnyMutation for Typed<M> {
    async fn run(&self, ctx: &mut MutationCtx<'_>, arguments: Value) -> Result<Value> {
        let mutation: M = arguments::typed(M::NAME, arguments)?;
        arguments::answer(&mutation.run(ctx).await?)
    }
}

#[async_trait]
impl<A: Action> AnyAction for Typed<A> {
    async fn run(&self, ctx: &ActionCtx, arguments: Value) -> Result<Value> {
        let action: A = arguments::typed(A::NAME, arguments)?;
        arguments::answer(&action.run(ctx).await?)
    }
}

/// Everything that can be called, while it is put together: features register themselves.
pub struct Registry {
    operations: BTreeMap<&'static str, Operation>,
    modules: BTreeMap<&'static str, &'static str>,
    schemas: Schemas,
    /// The operation of each place that REST serves.
    routes: HashMap<(Method, String), &'static str>,
    /// What was registered twice.
    duplicates: Vec<String>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// Nothing can be called yet.
    pub fn new() -> Self {
        let (operations, modules, routes, duplicates) = Default::default();
        Self { operations, modules, schemas: Schemas::new(), routes, duplicates }
    }

    /// What the operations of a module are about, for people: what stands before the colon of their names.
    pub fn module(&mut self, name: &'static str, about: &'static str) -> &mut Self {
        self.modules.insert(name, about);
        self
    }

    /// `Q` can be asked.
    pub fn query<Q: Query>(&mut self) -> &mut Self {
        let output = self.schemas.output::<Q::Output>();
        let described = (Q::NAME, Kind::Query, Q::ACCESS, Q::ROUTE);
        self.add::<Q>(described, output, Q::PERSONAL, Run::Query(Arc::new(Typed::<Q>(PhantomData))))
    }

    /// `M` can be done.
    pub fn mutation<M: Mutation>(&mut self) -> &mut Self {
        let output = self.schemas.output::<M::Output>();
        let described = (M::NAME, Kind::Mutation, M::ACCESS, M::ROUTE);
        self.add::<M>(described, output, true, Run::Mutation(Arc::new(Typed::<M>(PhantomData))));
        if let Some(operation) = self.operations.get_mut(M::NAME) {
            operation.description.shown_once = M::SHOWN_ONCE;
        }
        self
    }

    /// `A` can be run.
    pub fn action<A: Action>(&mut self) -> &mut Self {
        let output = self.schemas.output::<A::Output>();
        let described = (A::NAME, Kind::Action, A::ACCESS, A::ROUTE);
        self.add::<A>(described, output, true, Run::Action(Arc::new(Typed::<A>(PhantomData))))
    }

    /// Nothing more is added.
    ///
    /// # Errors
    /// `Config` when two operations have one name, or one method and path: one of the two could not be called.
    pub fn freeze(mut self) -> Result<Catalog> {
        if !self.duplicates.is_empty() {
            let message = format!("{}: rename one of each", self.duplicates.join("; "));
            return Err(Error::config("registered_twice", message));
        }
        let arguments = self.operations.values_mut().map(|operation| &mut operation.description.arguments);
        let definitions = self.schemas.definitions(arguments);
        Ok(Catalog { definitions, operations: self.operations, modules: self.modules })
    }

    fn add<A: schemars::JsonSchema>(
        &mut self,
        (name, kind, access, route): (&'static str, Kind, Access, Route),
        output: Value,
        personal: bool,
        run: Run,
    ) -> &mut Self {
        let arguments = self.schemas.arguments::<A>();
        let summary = arguments["description"].as_str().unwrap_or_default().to_owned();
        let known = Arguments::of(name, &arguments);
        let shown_once = false;
        let description = Description { name, kind, access, route, summary, arguments, output, personal, shown_once };
        if let Some(other) = self.routes.insert((route.method, shape(route.path)), name)
            && other != name
        {
            self.duplicates.push(format!("{other} and {name} are both served at {}", route.path));
        }
        if self.operations.insert(name, Operation { description, arguments: known, run }).is_some() {
            self.duplicates.push(format!("two operations are called {name}"));
        }
        self
    }
}

/// A path without the names of its parameters: two that differ only in these are one place.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Everything that can be called.
pub struct Catalog {
    operations: BTreeMap<&'static str, Operation>,
    modules: BTreeMap<&'static str, &'static str>,
    definitions: Map<String, Value>,
}

impl Catalog {
    /// The operation of this name, however the caller spells it: `customers:list`, `customers.js:list`; a module alone
    /// means its `default`.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn find(&self, name: &str) -> Result<&Operation> {
        let (module, function) = name.split_once(':').unwrap_or((name, "default"));
        let module = module.strip_suffix(".js").unwrap_or(module);
        let canonical = format!("{module}:{function}");
        self.operations.get(canonical.as_str()).ok_or_else(|| {
            Error::not_found("operation_unknown", "there is no operation of this name").context("operation", canonical)
        })
    }

    /// All of them, sorted by name.
    pub fn all(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// What the operations of a module are about, where somebody said so.
    pub fn about(&self, module: &str) -> Option<&'static str> {
        self.modules.get(module).copied()
    }

    /// The schemas that the schemas of arguments and answers refer to, by name.
    pub fn definitions(&self) -> &Map<String, Value> {
        &self.definitions
    }
}
