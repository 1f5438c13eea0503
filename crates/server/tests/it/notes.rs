//! A small product: notes, which can be called over every surface.

use async_trait::async_trait;
use engine::{
    Action, ActionCtx, Mutation, MutationCtx, Place, Placed, Query, QueryCtx, Registry, delete, get, operation::Route,
    patch, post,
};
use kernel::{Access, Error, Page, PageOptions, Result, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{FromRow, Migration, MigrationSet, Reader, Row};

pub(crate) const NOTES: MigrationSet = MigrationSet {
    name: "notes",
    migrations: &[Migration::portable(
        "0001_notes",
        "create table notes (org_id text not null, n bigint not null, text text not null, primary key (org_id, n))",
    )],
};

/// Registers its operations.
pub(crate) fn register(registry: &mut Registry) {
    registry.query::<PageNotes>().query::<GetNote>().query::<CountNotes>().query::<Greet>();
    registry.mutation::<AddNote>().mutation::<ChangeNote>().mutation::<RemoveNote>().mutation::<BreakNotes>();
    registry.action::<Shout>();
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    n: i64,
    text: String,
}

impl FromRow for Note {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { n: row.int("n")?, text: row.text("text")? })
    }
}

impl Placed for Note {
    fn place(&self) -> Place {
        Place(vec![self.n.into(), "".into()])
    }
}

/// A page of the notes. Sorted by their numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PageNotes {
    pagination_opts: PageOptions,
}

#[async_trait]
impl Query for PageNotes {
    const NAME: &'static str = "notes:page";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/notes");
    type Output = Page<Note>;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Page<Note>> {
        ctx.page(&self.pagination_opts, |db, range| {
            Box::pin(async move {
                let ((after, _), (until, _)) = range.ascending();
                db.query("select n, text from notes where org_id = $1 and n > $2 and n <= $3 order by n limit $4")
                    .bind(after)
                    .bind(until)
                    .bind(range.limit)
                    .all()
                    .await
            })
        })
        .await
    }
}

/// One note.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GetNote {
    /// Its number.
    note_id: i64,
}

#[async_trait]
impl Query for GetNote {
    const NAME: &'static str = "notes:get";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/notes/{noteId}");
    type Output = Note;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Note> {
        find(ctx.db, self.note_id).await
    }
}

async fn find(db: &mut Reader, n: i64) -> Result<Note> {
    let found = db.query("select n, text from notes where org_id = $1 and n = $2").bind(n).optional().await?;
    found.ok_or_else(|| Error::not_found("note_unknown", "there is no such note"))
}

/// How to count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Way {
    /// One by one.
    Slowly,
    /// All at once.
    Quickly,
}

/// Returns its arguments, and the number of notes.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CountNotes {
    at_least: Option<i64>,
    factor: Option<f64>,
    #[serde(default)]
    starred: bool,
    #[serde(default)]
    tags: Vec<String>,
    way: Option<Way>,
    anything: Option<serde_json::Value>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Counted {
    count: i64,
    at_least: Option<i64>,
    factor: Option<f64>,
    starred: bool,
    tags: Vec<String>,
    way: Option<Way>,
    anything: Option<serde_json::Value>,
}

#[async_trait]
impl Query for CountNotes {
    const NAME: &'static str = "notes:count";
    const ACCESS: Access = Access::any_role();
    const ROUTE: Route = get("/v1/notes/count");
    type Output = Counted;

    async fn run(self, ctx: &mut QueryCtx<'_>) -> Result<Counted> {
        let row = ctx.db.query("select count(*) as n from notes where org_id = $1").row().await?;
        let count = row.map(|row| row.int("n")).transpose()?.unwrap_or_default();
        let Self { at_least, factor, starred, tags, way, anything } = self;
        Ok(Counted { count, at_least, factor, starred, tags, way, anything })
    }
}

/// Greets any caller.
#[derive(Deserialize, JsonSchema)]
struct Greet {}

#[async_trait]
impl Query for Greet {
    const NAME: &'static str = "notes:greet";
    const ACCESS: Access = Access::Public;
    const ROUTE: Route = get("/v1/greeting");
    type Output = String;

    async fn run(self, _ctx: &mut QueryCtx<'_>) -> Result<String> {
        Ok("hello".to_owned())
    }
}

/// Adds a note after the last one.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct AddNote {
    /// The text of the note.
    text: String,
}

#[async_trait]
impl Mutation for AddNote {
    const NAME: &'static str = "notes:add";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = post("/v1/notes");
    type Output = Note;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Note> {
        match self.text.as_str() {
            "odd" => return Err(Error::application(serde_json::json!({ "code": "ODD" }))),
            "full" => return Err(Error::new(kernel::Code::LimitReached, "notes_full", "there is room for no more")),
            _ => {}
        }
        ctx.db
            .query(
                "insert into notes (org_id, n, text) values ($1, (
                     select coalesce(max(n), 0) + 1 from notes where org_id = $1), $2)
                 returning n, text",
            )
            .bind(self.text)
            .optional()
            .await?
            .ok_or_else(|| Error::internal("note_lost", "a new note answers itself"))
    }
}

/// Changes the text of a note.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ChangeNote {
    note_id: i64,
    text: String,
}

#[async_trait]
impl Mutation for ChangeNote {
    const NAME: &'static str = "notes:change";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = patch("/v1/notes/{noteId}");
    type Output = Note;

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<Note> {
        find(ctx.db, self.note_id).await?;
        let update = ctx.db.query("update notes set text = $3 where org_id = $1 and n = $2");
        update.bind(self.note_id).bind(&self.text).execute().await?;
        find(ctx.db, self.note_id).await
    }
}

/// Removes a note.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RemoveNote {
    note_id: i64,
}

#[async_trait]
impl Mutation for RemoveNote {
    const NAME: &'static str = "notes:remove";
    const ACCESS: Access = Access::role(Role::Admin);
    const ROUTE: Route = delete("/v1/notes/{noteId}");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        find(ctx.db, self.note_id).await?;
        ctx.db.query("delete from notes where org_id = $1 and n = $2").bind(self.note_id).execute().await.map(drop)
    }
}

/// Removes all notes, and panics.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct BreakNotes {}

#[async_trait]
impl Mutation for BreakNotes {
    const NAME: &'static str = "notes:break";
    const ACCESS: Access = Access::role(Role::Staff);
    const ROUTE: Route = post("/v1/notes/break");
    type Output = ();

    async fn run(self, ctx: &mut MutationCtx<'_>) -> Result<()> {
        ctx.db.query("delete from notes where org_id = $1").execute().await?;
        panic!("a note is broken");
    }
}

/// Says a text louder.
#[derive(Deserialize, JsonSchema)]
struct Shout {
    text: String,
}

#[async_trait]
impl Action for Shout {
    const NAME: &'static str = "notes:shout";
    const ACCESS: Access = Access::SignedIn;
    const ROUTE: Route = post("/v1/shout");
    type Output = String;

    async fn run(self, _ctx: &ActionCtx) -> Result<String> {
        assert_ne!(self.text, "panic", "a voice is broken");
        Ok(self.text.to_uppercase())
    }
}
