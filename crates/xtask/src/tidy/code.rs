//! Checks what code must not contain: I/O in the kernel, the environment, HTTP status codes, silenced lints.

use super::{
    Violation,
    rust::{Source, Token},
};

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut object = |token: &Token, message: &str| {
        violations.push(Violation::new(&source.path, token.line, message));
    };
    kernel(source, &mut object);
    environment(source, &mut object);
    status_codes(source, &mut object);
    shortcuts(source, &mut object);
    violations
}

type Object<'a> = &'a mut dyn FnMut(&Token, &str);

/// Invariant 3, first half: the kernel does no I/O.
fn kernel(source: &Source, object: Object<'_>) {
    if source.crate_name() != "kernel" {
        return;
    }
    for token in source.product().filter(|token| token.is_word("async") || token.is_word("tokio")) {
        object(token, "kernel has nothing async: move this to the crate that waits, `store`, `provider` or `engine`");
    }
    for module in ["fs", "net", "env", "process"] {
        for token in product(source.mentions(&["std", module])) {
            object(token, "kernel does no I/O and reads no environment: take the value as an argument");
        }
    }
}

/// Invariant 3, second half: settings are read in one place and passed as structs.
fn environment(source: &Source, object: Object<'_>) {
    let reads_it = [
        "crates/trunkline/",
        "crates/provider/src/settings",
        // These are tests, though they are in `src`: the number of fuzz iterations, and the seed.
        "crates/provider/src/contract",
        "crates/xtask/",
        "crates/testkit/",
    ];
    if reads_it.iter().any(|place| source.path.starts_with(place)) {
        return;
    }
    for name in ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"] {
        for token in product(source.mentions(&["env", name])) {
            object(
                token,
                "only `trunkline` and `provider::settings` read the environment: add a field to a settings struct",
            );
        }
    }
}

/// Invariant 5: codes are mapped to HTTP statuses in one place.
fn status_codes(source: &Source, object: Object<'_>) {
    let speaks_http = [
        "crates/server/",
        // The exception: it reads the answers of vendors, and converts their statuses to our errors at once.
        "crates/provider/src/http",
        // The contract suite plays a vendor that answers 401, 429 and 503.
        "crates/provider/src/contract",
        "crates/testkit/",
        "crates/xtask/",
    ];
    if speaks_http.iter().any(|place| source.path.starts_with(place)) {
        return;
    }
    for token in source.product().filter(|token| token.is_word("StatusCode")) {
        object(
            token,
            "HTTP status codes stand only in `server`: return a `kernel::Error`, whose code decides the status",
        );
    }
}

/// Lints are obeyed, or expected with a reason; unfinished code is not committed.
fn shortcuts(source: &Source, object: Object<'_>) {
    for (at, token) in source.tokens.iter().enumerate() {
        let next_is = |ahead: usize, mark: &str| source.tokens.get(at + ahead).is_some_and(|next| next.is_mark(mark));
        let is_attribute = token.is_mark("[") && at > 0 && {
            let before = &source.tokens[at - 1];
            before.is_mark("#") || before.is_mark("!")
        };
        if is_attribute && source.tokens.get(at + 1).is_some_and(|next| next.is_word("allow")) && next_is(2, "(") {
            object(token, "a lint must not be silenced: correct the code, or use `#[expect(…, reason = \"…\")]`");
        }
        if (token.is_word("todo") || token.is_word("unimplemented")) && next_is(1, "!") {
            object(token, "unfinished code is not committed: finish it, or answer `Error::unsupported(…)`");
        }
    }
}

fn product(mentions: Vec<&Token>) -> impl Iterator<Item = &Token> {
    mentions.into_iter().filter(|token| !token.test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn the_kernel_neither_waits_nor_touches_the_world() {
        let kernel = "crates/kernel/src/id.rs";
        assert_eq!(lines(kernel, "\nasync fn f() {}"), [2]);
        assert_eq!(lines(kernel, "use tokio::time;\nuse std::{fmt, fs};\nstd::net::lookup();"), [1, 2, 3]);
        assert_eq!(lines(kernel, "// async, tokio, std::fs\nuse std::fmt;"), [0; 0]);
        assert_eq!(lines("crates/engine/src/a.rs", "async fn f() { std::fs::read(x) }"), [0; 0]);
    }

    #[test]
    fn the_environment_is_read_in_two_places() {
        let text = "fn f() { std::env::var(\"X\") }\nuse std::env::{self, var_os};";
        assert_eq!(lines("crates/vendors/src/payments/stripe.rs", text), [1, 2]);
        assert_eq!(lines("crates/provider/src/settings.rs", text), [0; 0]);
        assert_eq!(lines("crates/provider/src/vendor.rs", text), [1, 2]);
        assert_eq!(lines("crates/trunkline/src/main.rs", text), [0; 0]);
        assert_eq!(lines("crates/engine/tests/it/main.rs", text), [0; 0]);
        assert_eq!(lines("crates/app/src/lib.rs", "env!(\"CARGO_PKG_VERSION\")"), [0; 0]);
    }

    #[test]
    fn status_codes_belong_to_the_server() {
        let text = "use http::StatusCode;\nfn f() -> StatusCode { x }";
        assert_eq!(lines("crates/engine/src/inbox.rs", text), [1, 2]);
        assert_eq!(lines("crates/server/src/problem.rs", text), [0; 0]);
        assert_eq!(lines("crates/provider/src/http.rs", text), [0; 0]);
        assert_eq!(lines("crates/engine/src/inbox.rs", &format!("#[cfg(test)] mod tests {{ {text} }}")), [0; 0]);
    }

    #[test]
    fn lints_are_not_silenced_and_code_is_finished() {
        let text = "#![allow(dead_code)]\n#[allow(unused)]\n#[expect(unused, reason = \"x\")]\nfn f() { todo!() }";
        assert_eq!(lines("crates/app/src/lib.rs", text), [1, 2, 4]);
        assert_eq!(lines("crates/app/src/lib.rs", "fn allow(a: b) {} let todo = 1;"), [0; 0]);
    }
}
