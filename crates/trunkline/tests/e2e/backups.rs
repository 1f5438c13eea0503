//! Backups: made while it serves, restored elsewhere, damaged, killed half-way.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use crate::{
    harness::{Installation, eventually, pause, postgres, sqlite},
    vendors::GENERIC,
};

/// Milliseconds after which a command is killed: before it has begun to work, in the middle, near its end.
const MOMENTS: [u64; 6] = [30, 90, 180, 300, 500, 900];

/// An installation, and an empty place for what it holds.
fn pair(test: impl Fn(Installation, Installation)) {
    sqlite(|one| test(one, Installation::new(None)));
    postgres(|one| postgres(|other| test(one, other)));
}

#[test]
fn a_backup_made_while_it_serves_is_restored_elsewhere_and_serves_there() {
    pair(|one, other| {
        let one = GENERIC.on(one);
        let node = one.start();
        let first = node.send(&GENERIC.event()).json();
        fs::create_dir(one.data().join("kept")).unwrap();
        fs::write(one.data().join("kept/letter.txt"), "dear").unwrap();
        let file = one.folder().join("all.backup");
        let made = one.json(&["backup", file.to_str().unwrap()]);
        assert_eq!(made[0]["parts"], 2, "{made:?}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(beside(&file), ["all.backup"], "nothing else is left");
        assert_eq!(one.run(&["backup", file.to_str().unwrap()]).code, Some(4), "a backup is never written over");
        // What comes later is not in it.
        node.send(&GENERIC.send(r#"{"type":"later"}"#));

        let other = GENERIC.on(other);
        other.json(&["restore", file.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(other.data().join("kept/letter.txt")).unwrap(), "dear");
        let events = other.events();
        assert_eq!((events.len(), &events[0]["id"]), (1, &first["id"]));
        let again = other.run(&["restore", file.to_str().unwrap()]);
        assert_eq!(again.code, Some(4), "only into an empty place: {}", again.stderr);
        let second = other.start();
        let known = second.send(&GENERIC.event()).json();
        assert_eq!((known["status"].as_str(), &known["id"]), (Some("already_processed"), &first["id"]));
        assert!(second.stop().success() && node.stop().success());
    });
}

#[test]
fn a_backup_that_was_damaged_or_cut_is_refused_and_leaves_nothing() {
    pair(|one, other| {
        one.json(&["migrate"]);
        let file = one.folder().join("all.backup");
        one.json(&["backup", file.to_str().unwrap()]);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for (name, bytes) in [("flipped", &*flipped), ("cut", &whole[..whole.len() / 3]), ("other", b"not a backup")] {
            let broken = one.file(name, bytes);
            let ran = other.run(&["restore", broken.to_str().unwrap()]);
            assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        }
        assert_eq!(fs::read_dir(other.data()).unwrap().count(), 0);
        other.json(&["restore", file.to_str().unwrap()]);
        assert!(other.events().is_empty());
    });
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_that_looks_whole_and_is_made_the_next_time() {
    pair(|one, other| {
        let one = filled(one);
        let file = one.folder().join("all.backup");
        for moment in MOMENTS {
            killed(&one, &["backup", file.to_str().unwrap()], moment);
            if file.exists() {
                break;
            }
        }
        if !file.exists() {
            one.json(&["backup", file.to_str().unwrap()]);
            assert_eq!(beside(&file), ["all.backup"], "what the killed ones left is gone");
        }
        other.json(&["restore", file.to_str().unwrap()]);
        assert_eq!(other.events(), one.events());
    });
}

#[test]
fn a_restore_that_is_killed_leaves_a_place_that_says_so_and_can_be_restored_into() {
    pair(|one, other| {
        let one = filled(one);
        let file = one.folder().join("all.backup");
        one.json(&["backup", file.to_str().unwrap()]);
        let events = one.events();
        let restore = ["restore", file.to_str().unwrap()];
        for moment in MOMENTS {
            killed(&other, &restore, moment);
            let listed = other.run(&["events", "list", "--limit", "1000", "--json"]);
            match listed.code {
                Some(0) => assert_eq!(listed.stdout.lines().count(), events.len(), "whole, or nothing"),
                // It says that the restore was interrupted, or it had not begun.
                Some(code) => assert!([3, 5].contains(&code), "{}", listed.stderr),
                None => panic!("killed by nobody: {}", listed.stderr),
            }
            if listed.stderr.contains("was interrupted") {
                assert_eq!(other.run(&["migrate"]).code, Some(5), "nobody works on it until it is whole");
            }
        }
        // On PostgreSQL what was killed may take a moment to be undone.
        eventually("it is restored", || {
            let ran = other.run(&restore);
            (ran.code == Some(0) || ran.stderr.contains("already")).then_some(())
        });
        assert_eq!(other.events(), events);
    });
}

/// With some megabytes in it.
fn filled(installation: Installation) -> Installation {
    let installation = GENERIC.on(installation);
    let node = installation.start();
    for number in 0..20 {
        let ballast = format!("{number}").repeat(300_000);
        let sent = node.send(&GENERIC.send(format!(r#"{{"type":"t{number}","ballast":"{ballast}"}}"#)));
        assert_eq!(sent.status, 200, "{}", sent.text());
    }
    assert!(node.stop().success());
    installation
}

/// Runs a command and kills it after so many milliseconds.
fn killed(installation: &Installation, words: &[&str], moment: u64) {
    let mut command = installation.binary();
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    pause(moment);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

/// The files in the folder of this one whose names begin with its name.
fn beside(file: &Path) -> Vec<String> {
    let name = file.file_name().expect("it succeeds").to_str().expect("it succeeds");
    let names = fs::read_dir(file.parent().expect("it succeeds"))
        .expect("it succeeds")
        .map(|entry| entry.expect("the archive is readable").file_name());
    names.filter_map(|other| other.into_string().ok()).filter(|other| other.starts_with(name)).collect()
}
