use kernel::{Code, Error, Secret};
use serde::Deserialize;
use url::Url;

use super::*;

/// A vendor as they all are.
#[derive(Debug, Deserialize, JsonSchema)]
struct Acme {
    /// Secret key: Dashboard → Developers → API keys. Starts with
    /// `sk_`.
    #[serde(alias = "acme_api_key", alias = "acme_token")]
    acme_secret_key: Secret,
    /// Another base address.
    #[serde(default = "api_base")]
    acme_api_base: Url,
    /// How many calls at once.
    acme_parallel: Option<u16>,
    /// Whether test data is used.
    #[serde(default)]
    acme_sandbox: bool,
    /// Numbers that may be written to.
    #[serde(default)]
    acme_numbers: Vec<Phone>,
    /// Where data lives.
    acme_region: Option<Region>,
    /// How much is told.
    #[serde(default)]
    acme_detail: Detail,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Phone(String);

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Region {
    Eu,
    Us,
}

#[derive(Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Detail {
    /// The sum.
    #[default]
    Little,
    /// Every line.
    Much,
}

/// A type with its own words, which quote the value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
struct Even;

impl TryFrom<String> for Even {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.len().is_multiple_of(2) { Ok(Self) } else { Err(format!("{text} is odd")) }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the errors of reading it matter")]
struct Picky {
    /// Open.
    #[serde(alias = "picky_old")]
    picky_open: Even,
    /// Hidden.
    #[schemars(extend("writeOnly" = true))]
    picky_hidden: Option<Even>,
}

fn api_base() -> Url {
    Url::parse("https://api.acme.test/v1").unwrap()
}

fn acme<const N: usize>(variables: [(&str, &str); N]) -> Result<Loaded<Acme>> {
    load(&variables.into_iter().collect())
}

fn on<const N: usize>(variables: [(&str, &str); N]) -> Acme {
    match acme(variables).unwrap() {
        Loaded::On(settings) => settings,
        Loaded::Off => panic!("off"),
    }
}

fn refusal<S: Settings + std::fmt::Debug, const N: usize>(variables: [(&str, &str); N]) -> Error {
    let error = load::<S>(&variables.into_iter().collect()).unwrap_err();
    assert_eq!(error.code, Code::Config);
    error
}

#[test]
fn a_vendor_whose_variables_are_all_absent_is_off() {
    assert!(matches!(acme([("PATH", "/bin"), ("ACME", "x")]).unwrap(), Loaded::Off));
    assert!(matches!(acme([("ACME_SECRET_KEY", " ")]).unwrap(), Loaded::Off), "an empty value is none");
    assert!(matches!(acme([("acme_secret_key", "lower case is not a variable")]).unwrap(), Loaded::Off));
}

#[test]
fn settings_without_required_fields_are_off_until_one_is_set_unless_they_are_never_off() {
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Optional {
        optional_depth: Option<u8>,
    }
    assert!(matches!(load::<Optional>(&Variables::default()).unwrap(), Loaded::Off));
    assert_eq!(require::<Optional>(&Variables::default()).unwrap().optional_depth, None);
    let set = [("OPTIONAL_DEPTH", "3")].into_iter().collect();
    assert!(matches!(load(&set).unwrap(), Loaded::On(Optional { optional_depth: Some(3) })));
}

#[test]
fn text_becomes_what_the_field_asks_for() {
    let settings = on([
        ("ACME_SECRET_KEY", "0123456789"),
        ("ACME_PARALLEL", " 8 "),
        ("ACME_SANDBOX", "Yes"),
        ("ACME_NUMBERS", "+491, +492,"),
        ("ACME_REGION", "eu"),
    ]);
    assert_eq!(settings.acme_secret_key.expose(), "0123456789", "a secret made of digits stays text");
    assert_eq!(settings.acme_parallel, Some(8));
    assert!(settings.acme_sandbox);
    assert_eq!(settings.acme_numbers, [Phone("+491".into()), Phone("+492".into())]);
    assert_eq!(settings.acme_region, Some(Region::Eu));
    assert!(matches!(settings.acme_detail, Detail::Little));
    assert_eq!(settings.acme_api_base, api_base(), "a default holds where nothing is set");
}

#[test]
fn a_historic_name_works_and_counts_as_set() {
    assert_eq!(on([("ACME_API_KEY", "old")]).acme_secret_key.expose(), "old");
}

#[test]
fn half_of_the_settings_name_the_missing_one_and_where_to_get_it() {
    let error = refusal::<Acme, 1>([("ACME_SANDBOX", "true")]);
    assert_eq!(error.tag, "setting_missing");
    assert_eq!(error.to_string(), "ACME_SECRET_KEY is not set: Secret key: Dashboard → Developers → API keys");
}

#[test]
fn an_unreadable_value_names_the_variable_and_what_it_should_be() {
    let key = ("ACME_SECRET_KEY", "k");
    for (variable, value, expected) in [
        ("ACME_PARALLEL", "70000", "ACME_PARALLEL cannot be read: expected a whole number between 0 and 65535"),
        ("ACME_SANDBOX", "perhaps", "ACME_SANDBOX cannot be read: expected true or false"),
        ("ACME_REGION", "mars", "ACME_REGION cannot be read: expected eu or us"),
        ("ACME_API_BASE", "nowhere", "ACME_API_BASE cannot be read: relative URL without a base: \"…\""),
    ] {
        assert_eq!(refusal::<Acme, 2>([key, (variable, value)]).to_string(), expected);
    }
}

#[test]
fn the_words_of_a_type_are_told_without_the_value_and_not_at_all_for_a_secret() {
    assert_eq!(refusal::<Picky, 1>([("PICKY_OPEN", "abc")]).to_string(), "PICKY_OPEN cannot be read: … is odd");
    for hidden in [[("PICKY_OPEN", "ab"), ("PICKY_HIDDEN", "s3cret!")], [("X", "y"), ("PICKY_OLD", "s3cret!")]] {
        let error = refusal::<Picky, 2>(hidden);
        assert!(error.to_string().ends_with("cannot be read: the value is not valid"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret!"));
    }
}

#[test]
fn two_names_of_one_setting_are_refused_by_both_names() {
    let both = [("ACME_API_KEY", "a"), ("ACME_SECRET_KEY", "b"), ("ACME_SANDBOX", "1")];
    let error = refusal::<Acme, 3>(both);
    assert_eq!(error.to_string(), "ACME_API_KEY and ACME_SECRET_KEY are two names of one setting: keep one of them");
    let historic = refusal::<Acme, 3>([("ACME_API_KEY", "a"), ("ACME_SANDBOX", "1"), ("ACME_TOKEN", "b")]);
    assert!(historic.to_string().starts_with("ACME_API_KEY and ACME_TOKEN are"), "{historic}");
}

#[test]
fn the_fields_tell_their_documentation_in_the_order_of_the_struct() {
    let fields = fields::<Acme>();
    let names: Vec<_> = fields.iter().map(|field| field.variable.as_str()).collect();
    assert_eq!(
        names,
        [
            "ACME_SECRET_KEY",
            "ACME_API_BASE",
            "ACME_PARALLEL",
            "ACME_SANDBOX",
            "ACME_NUMBERS",
            "ACME_REGION",
            "ACME_DETAIL"
        ]
    );
    assert_eq!(
        fields[0],
        Field {
            variable: "ACME_SECRET_KEY".into(),
            doc: "Secret key: Dashboard → Developers → API keys. Starts with `sk_`.".into(),
            required: true,
            secret: true,
            default: None,
            choices: vec![],
        }
    );
    assert_eq!(fields[1].default.as_deref(), Some("https://api.acme.test/v1"));
    assert!(fields[1..].iter().all(|field| !field.required && !field.secret));
}

#[test]
fn the_example_shows_documentation_and_defaults_and_sets_nothing() {
    let text = env_example("Acme", &fields::<Acme>()[..3]);
    assert_eq!(
        text,
        "# --- Acme ---\n\
         \n\
         # Secret key: Dashboard → Developers → API keys. Starts with `sk_`.\n\
         # ACME_SECRET_KEY=\n\
         \n\
         # Another base address.\n\
         # ACME_API_BASE=https://api.acme.test/v1\n\
         \n\
         # How many calls at once. (Optional.)\n\
         # ACME_PARALLEL=\n"
    );
}

#[test]
fn the_example_shows_what_may_be_chosen_and_what_holds_when_nothing_is() {
    let text = env_example("Acme", &fields::<Acme>()[5..]);
    assert_eq!(
        text,
        "# --- Acme ---\n\
         \n\
         # Where data lives. One of: eu, us. (Optional.)\n\
         # ACME_REGION=\n\
         \n\
         # How much is told. One of: little, much.\n\
         # ACME_DETAIL=little\n"
    );
}

#[test]
fn debug_shows_names_and_no_values() {
    let variables: Variables = [("ACME_SECRET_KEY", "s3cret!")].into_iter().collect();
    assert_eq!(format!("{variables:?}"), r#"{"ACME_SECRET_KEY"}"#);
    assert_eq!(variables.get("ACME_SECRET_KEY"), Some("s3cret!"));
    assert_eq!(variables.names().collect::<Vec<_>>(), ["ACME_SECRET_KEY"]);
}
