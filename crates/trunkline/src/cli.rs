//! The commands and their flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The back office of a multi-tenant SaaS: webhooks in, jobs, messages, subscriptions, on SQLite or PostgreSQL.
#[derive(Parser)]
#[command(name = "trunkline", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands. A flag wins over its variable.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Folder of the database and the files [default: data, or TRUNKLINE_DATA]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// sqlite:FILE or postgres://USER@HOST/DATABASE [default: SQLite in the data folder, or DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Address to listen on [default: 127.0.0.1:3000, or TRUNKLINE_LISTEN]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start with a demo organization and local secrets, and print what to try
    Dev,
    /// Serve: webhooks in, workers, health, metrics
    Serve,
    /// Bring the database up to date (`serve` and `dev` do it too)
    Migrate,
    /// Write everything into one file, while the server may go on
    Backup {
        /// The file to write; there must be none of this name
        file: PathBuf,
    },
    /// Fill an empty place from a backup
    Restore {
        /// What `backup` wrote
        file: PathBuf,
    },
    /// Check the settings and the database, and say what to mend
    Doctor,
    /// Print `.env.example`: every variable, what it is, where to get it
    Env,
    /// Print the description of the REST surface: OpenAPI 3.1
    Openapi {
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write what clients are written against
    #[command(subcommand)]
    Codegen(Codegen),
    /// Sign a webhook as its vendor does, and print the headers
    Sign(Sign),
    /// What vendors sent
    #[command(subcommand)]
    Events(Events),
    /// Work in the background
    #[command(subcommand)]
    Jobs(Jobs),
    /// The tenants
    #[command(subcommand)]
    Organizations(Organizations),
    /// Organizations' accounts at vendors
    #[command(subcommand)]
    Connections(Connections),
    /// People who write to an organization
    #[command(subcommand)]
    Contacts(Listing),
    /// Threads with contacts
    #[command(subcommand)]
    Conversations(Listing),
    /// The messages of conversations
    #[command(subcommand)]
    Messages(Messages),
    /// What organizations pay for
    #[command(subcommand)]
    Subscriptions(Listing),
    /// The client companies of an organization
    #[command(subcommand)]
    Customers(Customers),
}

#[derive(Subcommand)]
pub(crate) enum Codegen {
    /// The operations and documents as types, for front ends with the Convex clients: api.js, api.d.ts and dataModel.d.ts
    Typescript {
        /// The folder that they are written to; it is made where it is missing
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The vendor: stripe, polar, whatsapp, …
    pub(crate) provider: String,
    /// The secret, as in the vendor's variable [default: the variable's own value]
    #[arg(long)]
    pub(crate) secret: Option<String>,
    /// The address that will be called, for the vendors that sign it
    #[arg(long, default_value = "http://127.0.0.1:3000/")]
    pub(crate) url: String,
    /// The file with the body; `-` reads it from standard input
    pub(crate) file: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum Events {
    /// The newest events
    List {
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Only of this vendor
        #[arg(long)]
        provider: Option<String>,
        /// Only pending, processed, ignored, unresolved or dead ones
        #[arg(long)]
        status: Option<String>,
        /// Only those that came before this one: the last of a page, for the next page
        #[arg(long)]
        before: Option<String>,
    },
    /// One event with its payload
    Show {
        /// evt_…
        id: String,
    },
    /// Handle events again
    Replay {
        /// evt_…
        #[arg(required_unless_present = "since")]
        ids: Vec<String>,
        /// All that arrived since then: 2026-11-20T12:00:00Z, or a span such as 2h or 3d
        #[arg(long)]
        since: Option<String>,
        /// Of those since then, only dead, ignored, processed or unresolved ones
        #[arg(long, requires = "since")]
        status: Option<String>,
        /// Of those since then, only of this vendor
        #[arg(long, requires = "since")]
        provider: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Jobs {
    /// The newest jobs
    List {
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Only of this name
        #[arg(long)]
        kind: Option<String>,
        /// Only pending, processed, dead or cancelled ones
        #[arg(long)]
        status: Option<String>,
        /// Only those that are older than this one: the last of a page, for the next page
        #[arg(long)]
        before: Option<String>,
    },
    /// Put a job that was given up or cancelled back into the queue
    Retry {
        /// job_…
        id: String,
    },
    /// Take a job back that has not ended
    Cancel {
        /// job_…
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Organizations {
    /// Make a tenant
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Its id in another system, as PROVIDER=ID; may be repeated
        #[arg(long = "external-id", value_name = "PROVIDER=ID")]
        external_ids: Vec<String>,
    },
    /// All tenants
    List,
}

#[derive(Subcommand)]
pub(crate) enum Connections {
    /// Let an account at a vendor belong to an organization
    Add {
        #[command(flatten)]
        of: Of,
        /// The vendor: whatsapp, kapso, …
        #[arg(long)]
        provider: String,
        /// The account as the vendor names it: for WhatsApp and Kapso the phone number id
        #[arg(long)]
        account: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Listing {
    /// The newest ones
    List {
        #[command(flatten)]
        of: Of,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum Messages {
    /// The newest ones
    List {
        #[command(flatten)]
        of: Of,
        /// Only of this conversation
        #[arg(long, value_name = "cnv_…")]
        conversation: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum Customers {
    /// Import customers from a CSV file
    Import(Import),
}

/// The first line of the file names its columns: name, email and notes.
#[derive(Args)]
pub(crate) struct Import {
    /// The file; `-` reads it from standard input
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) file: Option<PathBuf>,
    /// Show what would become of the file, and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub(crate) preview: bool,
    /// Do not ask whether to begin
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on with an import that was interrupted
    #[arg(long, value_name = "imp_…")]
    pub(crate) resume: Option<String>,
    /// The column with the names, by what it is called in the file [default: name]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) name_column: Option<String>,
    /// The column with the e-mail addresses [default: email]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) email_column: Option<String>,
    /// The column with the notes [default: notes]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) notes_column: Option<String>,
    /// What becomes of customers that are there already
    #[arg(long, value_parser = ["skip", "import"], default_value = "skip")]
    pub(crate) duplicates: String,
    #[command(flatten)]
    pub(crate) of: Of,
}

/// Whose rows.
#[derive(Args)]
pub(crate) struct Of {
    /// The organization, by its id or one of its ids in other systems; needed when there are several
    #[arg(long, value_name = "ORGANIZATION")]
    pub(crate) organization: Option<String>,
}
