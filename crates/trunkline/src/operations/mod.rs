//! Operations as commands: `trunkline customers create --name Acme` is `customers:create`, with a flag for each argument.

mod download;
mod flags;
mod local;
mod remote;
mod show;
mod target;

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use engine::{Catalog, Kind, Operation};
use kernel::Result;
use serde_json::Value;
use store::Access;

pub(crate) use local::Local;
pub(crate) use target::Target;

use crate::environment::Environment;

/// A call of an operation from the terminal.
pub(crate) struct Call {
    /// `customers:create`
    operation: &'static str,
    arguments: Value,
    /// The organization to act in, when the flag names one.
    organization: Option<String>,
    /// Whether it changes anything.
    access: Access,
    /// The destination of the answer.
    answer: Answer,
}

/// The destination of an answer.
enum Answer {
    /// It is printed.
    Shown,
    /// It is one part of a file: all parts go to this file, or to standard output.
    File(Option<PathBuf>),
}

/// Adds a command for each operation that has no command of its own.
pub(crate) fn extend(command: Command, catalog: &Catalog) -> Command {
    let own = command.clone();
    catalog.all().filter(|operation| !is_own(&own, operation)).fold(command, |command, operation| {
        let (module, function) = names(operation.description.name);
        let one = one(function, operation, catalog);
        if command.find_subcommand(&module).is_none() {
            let about = operation.description.name.split(':').next().and_then(|module| catalog.about(module));
            return command.subcommand(group(&module, about).subcommand(one));
        }
        command.mut_subcommand(module, |group| group.subcommand(one))
    })
}

/// Returns the call that these arguments make; none when they belong to another command.
///
/// # Errors
/// `BadRequest` when a value does not fit its argument.
pub(crate) fn called(own: &Command, matches: &ArgMatches, catalog: &Catalog) -> Result<Option<Call>> {
    let Some((module, matches)) = matches.subcommand() else { return Ok(None) };
    let Some((function, matches)) = matches.subcommand() else { return Ok(None) };
    let found = catalog.all().find(|operation| {
        let (its_module, its_function) = names(operation.description.name);
        its_module == module && its_function == function && !is_own(own, operation)
    });
    let Some(found) = found else { return Ok(None) };
    Ok(Some(Call {
        operation: found.description.name,
        arguments: flags::read(&found.description, matches)?,
        organization: matches.get_one::<String>(ORGANIZATION).cloned(),
        access: match found.description.kind {
            Kind::Query => Access::Read,
            Kind::Mutation | Kind::Action => Access::Write,
        },
        answer: if download::is_part(&found.description, catalog) {
            Answer::File(matches.get_one::<String>(download::OUT).map(PathBuf::from))
        } else {
            Answer::Shown
        },
    }))
}

/// Makes the call, in this process or at `TRUNKLINE_URL`, and prints the answer.
pub(crate) async fn run(call: &Call, environment: &Environment, json: bool) -> Result<()> {
    let target = Target::open(environment, call.organization.as_deref(), call.access).await?;
    let done = match &call.answer {
        Answer::Shown => {
            let answer = target.call(call.operation, call.arguments.clone()).await;
            answer.and_then(|answer| show::answer(&answer, json))
        }
        Answer::File(out) => download::run(&target, call, out.as_deref(), json).await,
    };
    target.close().await;
    done
}

/// The flag for the organization to act in.
const ORGANIZATION: &str = "organization";

fn one(name: String, operation: &Operation, catalog: &Catalog) -> Command {
    let about = operation.description.summary.clone();
    let organization = Arg::new(ORGANIZATION).long(ORGANIZATION).value_name("ORGANIZATION").help(
        "The organization to act in, by its id or one of its ids in other systems; needed when there are several",
    );
    let flags = if download::is_part(&operation.description, catalog) {
        download::flags(&operation.description)
    } else {
        flags::of(&operation.description)
    };
    Command::new(name).about(about).args(flags).arg(organization)
}

fn group(module: &str, about: Option<&'static str>) -> Command {
    let about = about.map_or_else(|| format!("Operations of {}", module.replace('-', " ")), ToOwned::to_owned);
    let group = Command::new(module.to_owned()).about(about).subcommand_required(true).arg_required_else_help(true);
    // The usual short name.
    if module == "api-keys" { group.visible_alias("keys") } else { group }
}

/// Returns whether the CLI has a command of its own for the operation.
fn is_own(own: &Command, operation: &Operation) -> bool {
    let (module, function) = names(operation.description.name);
    own.find_subcommand(module).is_some_and(|group| group.find_subcommand(function).is_some())
}

/// Splits `apiKeys:create` into `api-keys` and `create`.
fn names(operation: &str) -> (String, String) {
    let (module, function) = operation.split_once(':').unwrap_or((operation, "default"));
    (kebab(module), kebab(function))
}

/// Converts `paginationOpts` to `pagination-opts`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(if letter == '/' { '-' } else { letter.to_ascii_lowercase() });
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_the_terminal_writes_them() {
        assert_eq!(names("apiKeys:list"), ("api-keys".to_owned(), "list".to_owned()));
        assert_eq!(names("users:listMembers"), ("users".to_owned(), "list-members".to_owned()));
        assert_eq!(names("a/b:c"), ("a-b".to_owned(), "c".to_owned()));
    }
}
