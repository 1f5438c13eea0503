//! The spine: what arrived is kept, what was promised is done, once, whatever happens in between.

mod cron;
mod domain;
pub mod erasure;
mod event;
mod event_fanout;
pub mod identity;
mod ids;
mod inbox;
mod installation;
mod live;
mod nodes;
pub mod operation;
mod queue;
mod retention;
mod route;
mod runner;
mod scoped;
mod shares;
mod text;
mod timestamps;
mod world;

pub use cron::{Cron, Pattern, fire, schedule, unschedule};
pub use domain::{DomainEvent, Emitted, EmittedId, EmittedKind, Publisher, Subscriber, Subscriptions};
pub use event::{Applied, Event, EventCtx, EventHandler, Routing};
pub use ids::{ApiKeyId, ApiKeyPrefix, CustomerId, CustomerPrefix, UserId, UserPrefix};
pub use inbox::{
    Accepted, Delivery, EventFilter, EventRow, Inbox, InboxOptions, Intake, Relevance, event, events, replay,
};
pub use installation::installation_key;
pub use live::{Live, LiveOptions, Moment, Shown, Update, View, record_changes};
pub use nodes::{NodeNumber, NodeRow, Unhandled, nodes, unhandled};
pub use operation::{
    Action, ActionCtx, Answer, Audit, Caller, Catalog, Change, Claims, Committed, Description, Directory, Identity,
    JobCaller, KeyHolder, Kind, Member, Method, Mutation, MutationCtx, Nobody, Operation, Operations, Place, Placed,
    Query, QueryCtx, QueryRequest, Range, Reach, Registry, Replay, Snapshot, Who, delete, get, patch, post,
};
pub use queue::{
    Depth, Depths, EventId, Fence, Job, JobCtx, JobFilter, JobId, JobKey, JobRow, Known, NewJob, Progress, Seq, State,
    Throttle, cancel, cancel_job, enqueue, jobs, reschedule, retry_job, snooze,
};
pub use retention::{
    BATCH, Children, Keep, OldRows, OldTenantRows, Owned, Pass, Retention, Sweep, SweepCtx, Swept, register_retention,
};
pub use route::{Route, add_route};
pub use runner::{Handlers, Runner, RunnerOptions};
pub use scoped::ScopedDb;
pub use timestamps::Timestamps;
pub use world::{SystemClock, SystemRandom, World};

use store::{Migration, MigrationSet};

/// The tables of the queue, the inbox and the routes.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "engine",
    migrations: &[
        Migration::pair(
            "0001_queue",
            include_str!("../migrations/0001_queue.sqlite.sql"),
            include_str!("../migrations/0001_queue.postgres.sql"),
        ),
        Migration::pair(
            "0002_event_keys",
            include_str!("../migrations/0002_event_keys.sqlite.sql"),
            include_str!("../migrations/0002_event_keys.postgres.sql"),
        ),
        Migration::portable("0003_operations", include_str!("../migrations/0003_operations.sql")),
        Migration::pair(
            "0004_live",
            include_str!("../migrations/0004_live.sqlite.sql"),
            include_str!("../migrations/0004_live.postgres.sql"),
        ),
        Migration::portable("0005_claims", include_str!("../migrations/0005_claims.sql")),
        Migration::pair(
            "0006_nodes",
            include_str!("../migrations/0006_nodes.sqlite.sql"),
            include_str!("../migrations/0006_nodes.postgres.sql"),
        ),
        Migration::portable("0007_intake", include_str!("../migrations/0007_intake.sql")),
        Migration::portable("0008_work", include_str!("../migrations/0008_work.sql")),
        Migration::portable("0009_live", include_str!("../migrations/0009_live.sql")),
        Migration::pair(
            "0010_retention",
            include_str!("../migrations/0010_retention.sqlite.sql"),
            include_str!("../migrations/0010_retention.postgres.sql"),
        ),
        Migration::portable("0011_ended_jobs", include_str!("../migrations/0011_ended_jobs.sql")),
    ],
};
