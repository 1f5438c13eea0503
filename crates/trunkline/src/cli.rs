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

/// Flags of every command. A flag takes precedence over its variable.
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
    /// Serve: webhooks, operations, workers, health, metrics
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
    /// Check the settings and the database, and report what to correct
    Doctor,
    /// Print `.env.example`: every variable, with its description
    Env,
    /// Print the OpenAPI 3.1 document of the REST surface
    Openapi {
        /// Write it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Generate files for clients
    #[command(subcommand)]
    Codegen(Codegen),
    /// Sign a webhook as its vendor does, and print the headers
    Sign(Sign),
    /// Events that vendors sent
    #[command(subcommand)]
    Events(Events),
    /// Background jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// Organizations, the tenants
    #[command(subcommand)]
    Organizations(Organizations),
    /// Connections: organizations' accounts at vendors
    #[command(subcommand)]
    Connections(Connections),
    /// Contacts: people who write to an organization
    #[command(subcommand)]
    Contacts(Listing),
    /// Conversations with contacts
    #[command(subcommand)]
    Conversations(Listing),
    /// The messages of conversations
    #[command(subcommand)]
    Messages(Messages),
    /// Subscriptions of organizations
    #[command(subcommand)]
    Subscriptions(Listing),
    /// Customers: the client companies of an organization
    #[command(subcommand)]
    Customers(Customers),
}

#[derive(Subcommand)]
pub(crate) enum Codegen {
    /// Types of the operations and documents, for front ends with the Convex clients: api.js, api.d.ts and
    /// dataModel.d.ts
    Typescript {
        /// The folder for the files; it is created when it is missing
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The vendor: stripe, polar, whatsapp, …
    pub(crate) provider: String,
    /// The secret, as in the vendor's variable [default: the value of that variable]
    #[arg(long)]
    pub(crate) secret: Option<String>,
    /// The address of the webhook, which some vendors sign
    #[arg(long, default_value = "http://127.0.0.1:3000/")]
    pub(crate) url: String,
    /// The file with the body; `-` reads it from standard input
    pub(crate) file: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum Events {
    /// List the newest events
    List {
        /// The greatest number of events
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Only events of this vendor
        #[arg(long)]
        provider: Option<String>,
        /// Only events with this status: pending, processed, ignored, unresolved or dead
        #[arg(long)]
        status: Option<String>,
        /// Only those that came before this one: the last of a page, for the next page
        #[arg(long)]
        before: Option<String>,
    },
    /// Show one event with its payload
    Show {
        /// evt_…
        id: String,
    },
    /// Process events again
    Replay {
        /// evt_…
        #[arg(required_unless_present = "since")]
        ids: Vec<String>,
        /// All events that arrived since: 2026-11-20T12:00:00Z, or a span such as 2h or 3d
        #[arg(long)]
        since: Option<String>,
        /// Of these, only events with this status: dead, ignored, processed or unresolved
        #[arg(long, requires = "since")]
        status: Option<String>,
        /// Of these, only events of this vendor
        #[arg(long, requires = "since")]
        provider: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Jobs {
    /// List the newest jobs
    List {
        /// The greatest number of jobs
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Only jobs of this kind
        #[arg(long)]
        kind: Option<String>,
        /// Only jobs with this status: pending, processed, dead or cancelled
        #[arg(long)]
        status: Option<String>,
        /// Only those that are older than this one: the last of a page, for the next page
        #[arg(long)]
        before: Option<String>,
    },
    /// Put a dead or cancelled job back into the queue
    Retry {
        /// job_…
        id: String,
    },
    /// Cancel a job that has not ended
    Cancel {
        /// job_…
        id: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Organizations {
    /// Create an organization
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Its id in another system, as PROVIDER=ID; may be repeated
        #[arg(long = "external-id", value_name = "PROVIDER=ID")]
        external_ids: Vec<String>,
    },
    /// List all organizations
    List,
    /// Tenants that are being deleted, and a line for each that was
    Erasures {
        /// At most so many, newest first
        #[arg(long, default_value_t = 50)]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum Connections {
    /// Connect an account at a vendor to an organization
    Add {
        #[command(flatten)]
        of: OrganizationFlag,
        /// The vendor: whatsapp, kapso, …
        #[arg(long)]
        provider: String,
        /// The account as the vendor's events name it: for WhatsApp and Kapso the phone number id
        #[arg(long)]
        account: String,
        /// The name of the connection, for people
        #[arg(long)]
        name: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Listing {
    /// List the newest rows
    List {
        #[command(flatten)]
        of: OrganizationFlag,
        /// The greatest number of rows
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum Messages {
    /// List the newest messages
    List {
        #[command(flatten)]
        of: OrganizationFlag,
        /// Only messages of this conversation
        #[arg(long, value_name = "cnv_…")]
        conversation: Option<String>,
        /// The greatest number of messages
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum Customers {
    /// Import customers from a CSV file
    Import(Import),
}

/// Import customers from a CSV file. Its first line has the column titles: name, email and notes.
#[derive(Args)]
pub(crate) struct Import {
    /// The file; `-` reads it from standard input
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) file: Option<PathBuf>,
    /// Show what an import of the file would do, and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub(crate) preview: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Resume an interrupted import, by its id
    #[arg(long, value_name = "imp_…")]
    pub(crate) resume: Option<String>,
    /// The title of the column with the names [default: name]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) name_column: Option<String>,
    /// The title of the column with the e-mail addresses [default: email]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) email_column: Option<String>,
    /// The title of the column with the notes [default: notes]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) notes_column: Option<String>,
    /// What to do with customers that exist already
    #[arg(long, value_parser = ["skip", "import"], default_value = "skip")]
    pub(crate) duplicates: String,
    #[command(flatten)]
    pub(crate) of: OrganizationFlag,
}

/// The organization whose rows are listed.
#[derive(Args)]
pub(crate) struct OrganizationFlag {
    /// The organization, by its id or external id; required when there are several
    #[arg(long, value_name = "ORGANIZATION")]
    pub(crate) organization: Option<String>,
}
