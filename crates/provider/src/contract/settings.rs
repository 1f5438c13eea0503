//! The rules for settings: an error names the missing one, and no secret is ever shown.

use std::fmt::Debug;

use kernel::Code;

use super::Sample;
use crate::settings::{self, Field, Loaded, Settings, Variables};

type Pairs = [(&'static str, &'static str)];

pub(super) fn check<V: Sample>() {
    check_struct::<V::Settings>(V::SETTINGS);
    if let Some(webhook) = V::webhook() {
        check_struct::<V::WebhookSettings>(webhook.variables);
    }
}

fn check_struct<S: Settings + Debug>(sample: &Pairs) {
    let fields = settings::fields::<S>();
    for field in &fields {
        assert!(!field.doc.is_empty(), "{} says what it is and where to find it", field.variable);
    }
    assert!(matches!(settings::load::<S>(&Variables::default()), Ok(Loaded::Off)), "nothing set means off");
    complete_settings_are_accepted_and_hidden::<S>(&fields, sample);
    if sample.len() > 1 {
        for field in fields.iter().filter(|field| field.required) {
            a_missing_one_is_named::<S>(field, &fields, sample);
        }
    }
}

fn complete_settings_are_accepted_and_hidden<S: Settings + Debug>(fields: &[Field], sample: &Pairs) {
    if sample.is_empty() {
        assert!(fields.iter().all(|field| !field.required), "the sample has every required variable");
        return;
    }
    let settings = match settings::load::<S>(&sample.iter().copied().collect()) {
        Ok(Loaded::On(settings)) => settings,
        Ok(Loaded::Off) => panic!("complete settings are off"),
        Err(error) => panic!("complete settings are refused: {error:?}"),
    };
    let shown = format!("{settings:?}");
    for (variable, value) in sample {
        let field = fields.iter().find(|field| field.variable == *variable);
        let field = field.unwrap_or_else(|| panic!("{variable} is declared"));
        assert!(!field.secret || !shown.contains(value), "{variable} is in the debug text");
    }
}

fn a_missing_one_is_named<S: Settings>(field: &Field, fields: &[Field], sample: &Pairs) {
    let others = sample.iter().copied().filter(|(variable, _)| *variable != field.variable).collect();
    let Err(error) = settings::load::<S>(&others) else { panic!("{} may be missing", field.variable) };
    assert_eq!(error.code, Code::Config);
    assert!(error.message.contains(&field.variable), "{} is not named in: {error}", field.variable);
    for (variable, value) in sample {
        let secret = fields.iter().any(|field| field.variable == *variable && field.secret);
        assert!(!secret || !format!("{error:?}").contains(value), "{variable} is in the error");
    }
}
