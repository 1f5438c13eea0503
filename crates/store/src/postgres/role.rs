//! The role that statements run as. Row-level security does not hold for superusers and roles with `bypassrls`: where the login of
//! `DATABASE_URL` is one of those, every transaction takes on a role for which it holds.

use kernel::{Error, Result};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::error::from_sqlx;

/// The role that transactions take on where the login is above row-level security.
pub(crate) const ROLE: &str = "trunkline_app";

/// What the login of a connection may do.
pub(crate) struct Login {
    /// Whether row-level security does not hold for it.
    pub(crate) bypasses_policies: bool,
    /// Whether the role is there and it may take it on.
    has_role: bool,
    /// The time limit of statements that the connection runs with, in milliseconds.
    pub(crate) statement_timeout_ms: i64,
}

impl Login {
    /// Reads it. The statement has no values and is sent as plain text, so that it also works behind a pooler.
    pub(crate) async fn read(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let sql = format!(
            "select r.rolsuper or r.rolbypassrls as bypasses,
                 coalesce((select pg_has_role(r.oid, a.oid, 'member') from pg_roles a where a.rolname = '{ROLE}'), false)
                     as has_role,
                 (select setting::bigint from pg_settings where name = 'statement_timeout') as statement_timeout
             from pg_roles r where r.rolname = current_user"
        );
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(conn).await?;
        Ok(Self {
            bypasses_policies: row.try_get("bypasses")?,
            has_role: row.try_get("has_role")?,
            statement_timeout_ms: row.try_get("statement_timeout")?,
        })
    }

    /// The role that its transactions take on, made where it is missing, so that no transaction ever is above the policies, also not
    /// one before the first migration. None where the policies hold for the login itself.
    ///
    /// # Errors
    /// `Config` when the role is missing and the login may not make it.
    pub(crate) async fn role(&self, conn: &mut PgConnection) -> Result<Option<&'static str>> {
        if self.bypasses_policies && !self.has_role {
            make_role(conn).await?;
        }
        Ok(self.bypasses_policies.then_some(ROLE))
    }
}

/// Makes the role and lets the login take it on. Roles belong to the whole server: another database may be making it too.
async fn make_role(conn: &mut PgConnection) -> Result<()> {
    let sql = format!(
        "do $$ begin create role {ROLE} nologin; exception when duplicate_object or unique_violation then null; end $$;
         do $$ begin
             if not (select rolsuper from pg_roles where rolname = current_user) then
                 execute format('grant {ROLE} to %I', current_user);
             end if;
         end $$"
    );
    let made = sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await;
    made.map(drop).map_err(|error| match from_sqlx(error) {
        refused if refused.tag == "database_permission" => Error::config(
            "role_missing",
            format!(
                "the login of DATABASE_URL bypasses row-level security and may not make the role {ROLE}: \
                 as a superuser, run `create role {ROLE} nologin` and `grant {ROLE} to` the login"
            ),
        )
        .source(refused),
        other => other,
    })
}
