//! `cargo xtask new`: creates the files of a vendor or a feature, and prints the next steps.

mod feature;
mod vendor;

use anyhow::{Result, ensure};
use clap::Subcommand;

use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum New {
    /// A vendor: one file and one entry in its category's list.
    Vendor {
        /// The category, such as `payments`.
        category: String,
        /// The vendor's own name in lower case, such as `lemon_squeezy`.
        id: String,
    },
    /// A feature: one folder of `app`.
    Feature {
        /// A plural noun in lower case, such as `customers`.
        name: String,
    },
}

impl New {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        match self {
            Self::Vendor { category, id } => {
                check_name(&category)?;
                check_name(&id)?;
                vendor::create(&workspace.root, &category, &id)
            }
            Self::Feature { name } => {
                check_name(&name)?;
                feature::create(&workspace.root, &name)
            }
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    ensure!(is_name, "{name} is not a name: lower-case letters, digits and _, a letter first");
    Ok(())
}

/// `lemon_squeezy` as `LemonSqueezy`, or with `between` a space, as `Lemon Squeezy`.
fn capitalised(name: &str, between: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty()).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_become_types() {
        assert!(check_name("lemon_squeezy").is_ok());
        for wrong in ["", "Stripe", "../x", "9lives", "a-b"] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(capitalised("lemon_squeezy", ""), "LemonSqueezy");
        assert_eq!(capitalised("lemon_squeezy", " "), "Lemon Squeezy");
    }
}
