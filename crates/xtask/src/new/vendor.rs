//! Creates the file of a new vendor, and its entry in the list of its category.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::capitalised;

const SKELETON: &str = include_str!("vendor.rs.txt");

pub(super) fn create(root: &Path, category: &str, id: &str) -> Result<()> {
    let folder = root.join("crates/vendors/src").join(category);
    let list = folder.join("mod.rs");
    let text = fs::read_to_string(&list).with_context(|| {
        let path = list.display();
        format!("there is no category {category} ({path}); a new one begins in `provider`, with its trait")
    })?;
    let file = folder.join(format!("{id}.rs"));
    ensure!(!file.exists(), "{} exists already", file.display());
    let entry = format!("{id}::{}", capitalised(id, ""));
    let text = with_entry(&text, &entry).with_context(|| format!("no `category! {{ … }}` in {}", list.display()))?;
    fs::write(&file, skeleton(id))?;
    fs::write(&list, text)?;
    print_steps(category, id);
    Ok(())
}

fn skeleton(module: &str) -> String {
    SKELETON
        .replace("MODULE", module)
        .replace("VARIABLE", &module.to_uppercase())
        .replace("DASHED", &module.replace('_', "-"))
        .replace("TYPE", &capitalised(module, ""))
        .replace("NAME", &capitalised(module, " "))
}

/// Adds an entry to the list, on a line of its own where the others have one.
fn with_entry(text: &str, entry: &str) -> Option<String> {
    let open = text.find("category! {")?;
    let close = open + text[open..].find('}')?;
    let (entries, after) = (text[..close].trim_end(), &text[close..]);
    let entries = entries.strip_suffix(',').unwrap_or(entries);
    Some(if entries[open..].contains('\n') {
        format!("{entries},\n    {entry},\n{after}")
    } else {
        format!("{entries}, {entry} {after}")
    })
}

fn print_steps(category: &str, id: &str) {
    println!(
        "\
Written: crates/vendors/src/{category}/{id}.rs, and its entry in {category}/mod.rs. What is left of the six steps:
  1. interface       Read the trait of `{category}` in `provider`; what the vendor cannot do needs no code.
  2. implementation  Fill in {id}.rs: settings, calls, and the wire format in a private `mod wire`.
  3. register        Done. The contract runs already: cargo test -p vendors {id}
  4. env example     cargo xtask generate
  5. webhook         `WebhookSettings` and `fn webhooks`; the sample webhook in the tests. Nothing, when it sends none.
  6. document        The doc comments of the settings, docs/, and a fragment in changelog.d/."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_joins_the_list_in_its_style() {
        assert_eq!(
            with_entry("//! x\nprovider::category! { email: resend::Resend }\n", "smtp::Smtp").unwrap(),
            "//! x\nprovider::category! { email: resend::Resend, smtp::Smtp }\n"
        );
        assert_eq!(
            with_entry("provider::category! {\n    email:\n    resend::Resend,\n}\n", "smtp::Smtp").unwrap(),
            "provider::category! {\n    email:\n    resend::Resend,\n    smtp::Smtp,\n}\n"
        );
        assert_eq!(with_entry("mod resend;", "smtp::Smtp"), None);
    }

    #[test]
    fn the_skeleton_has_no_hole_left() {
        let text = skeleton("lemon_squeezy");
        assert!(text.contains("struct LemonSqueezy;") && text.contains("ID: &'static str = \"lemon-squeezy\""));
        assert!(text.contains("(\"LEMON_SQUEEZY_API_KEY\", ") && text.contains("lemon_squeezy_api_key: Secret"));
        for hole in ["MODULE", "VARIABLE", "DASHED", "TYPE", "NAME"] {
            assert!(!text.contains(hole), "{hole}");
        }
    }
}
