//! What is measured: ours, or the ceiling.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::ensure;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{
    marks,
    people::{Organization, People},
    socket::Socket,
};
use crate::{machine, program::Program};

/// Connections that are opened at the same time.
const AT_ONCE: usize = 32;

/// A server with those who watch it.
pub(crate) enum Target<'b> {
    /// The real binary.
    Ours { server: Program, people: &'b People, postmaster: Option<u32> },
    /// The broadcast, which sends this transition.
    Ceiling { server: Program, transition: &'b str },
}

/// Where somebody sits: in which small organization, or in the large one; and who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) organization: Option<usize>,
    pub(crate) person: usize,
}

/// How somebody commits.
pub(crate) enum Says {
    Mutation { customer: String },
    Transition(String),
}

/// Makes sessions differ, also from those of an earlier run on the same database.
static SESSIONS: AtomicU64 = AtomicU64::new(0);

impl Target<'_> {
    pub(crate) fn server(&self) -> &Program {
        match self {
            Self::Ours { server, .. } | Self::Ceiling { server, .. } => server,
        }
    }

    /// CPU time that the PostgreSQL server behind the target has used; none where there is no such server.
    pub(crate) fn database_cpu(&self) -> Duration {
        match self {
            Self::Ours { postmaster, .. } => postmaster.map_or(Duration::ZERO, machine::cpu_of_server),
            Self::Ceiling { .. } => Duration::ZERO,
        }
    }

    /// Sockets that watch, in the order of the seats.
    pub(crate) async fn watch(&self, seats: impl IntoIterator<Item = Seat>) -> anyhow::Result<Vec<Socket>> {
        let opening = seats
            .into_iter()
            .map(|seat| self.open(seat, r#"{"type":"Add","queryId":0,"udfPath":"customers:list","args":[{}]}"#));
        stream::iter(opening).buffered(AT_ONCE).try_collect().await
    }

    /// A socket of the owner that watches nothing.
    pub(crate) async fn writer(&self, organization: Option<usize>) -> anyhow::Result<Socket> {
        self.open(Seat { organization, person: 0 }, "").await
    }

    /// What the owner of an organization says to commit.
    pub(crate) fn says(&self, organization: Option<usize>) -> Says {
        match self {
            Self::Ours { people, .. } => Says::Mutation { customer: place(people, organization).customer.clone() },
            Self::Ceiling { transition, .. } => Says::Transition((*transition).to_owned()),
        }
    }

    async fn open(&self, seat: Seat, modification: &str) -> anyhow::Result<Socket> {
        let (server, people) = match self {
            Self::Ours { server, people, .. } => (server, people),
            Self::Ceiling { server, .. } => {
                let room = seat.organization.map_or("large".to_owned(), |number| number.to_string());
                return Socket::open(server.address, &format!("/room/{room}")).await;
            }
        };
        let mut socket = Socket::open(server.address, "/api/1.48.0/sync").await?;
        let token = people.token(place(people, seat.organization), seat.person);
        let mouth = socket.mouth();
        let (run, number) = (marks::now() >> 20, SESSIONS.fetch_add(1, Ordering::Relaxed));
        let session = format!("{:08x}-0000-4000-8000-{number:012x}", run & 0xffff_ffff);
        mouth.say(&format!(
            r#"{{"type":"Connect","sessionId":"{session}","connectionCount":0,"lastCloseReason":"InitialConnect"}}"#
        ))?;
        mouth.say(&format!(r#"{{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"{token}"}}"#))?;
        mouth.say(&format!(
            r#"{{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{modification}]}}"#
        ))?;
        let mut first = String::new();
        while !first.contains(r#""endVersion":{"querySet":1,"identity":1"#) {
            first = socket.wait_for("{").await?;
            ensure!(first.starts_with(r#"{"type":"Transition""#), "not let in: {first}");
        }
        ensure!(modification.is_empty() || first.contains("QueryUpdated"), "no answer: {first}");
        Ok(socket)
    }
}

fn place(people: &People, organization: Option<usize>) -> &Organization {
    organization.map_or(&people.large, |number| &people.small[number])
}

impl Says {
    /// The message that commits `mark`.
    pub(crate) fn commit(&self, request: usize, mark: usize) -> String {
        match self {
            Self::Mutation { customer } => json!({
                "type": "Mutation",
                "requestId": request,
                "udfPath": "customers:update",
                "args": [{ "customerId": customer, "notes": marks::text(mark) }],
            })
            .to_string(),
            Self::Transition(transition) => marks::again(transition, mark),
        }
    }
}
