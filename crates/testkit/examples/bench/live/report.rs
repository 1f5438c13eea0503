//! The numbers, as a table and as JSON.

use std::collections::BTreeMap;

use serde_json::json;

/// What one measurement gave, by name, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    what: String,
    values: Vec<(String, f64)>,
}

/// Everything that was measured: by variant, one of each round.
#[derive(Default)]
pub(crate) struct Report {
    variants: Vec<&'static str>,
    /// In the order in which they came.
    names: Vec<(String, String)>,
    values: Values,
    /// How many times the ceiling's right before them they were.
    times: Values,
}

/// By what was measured, the number's name, and the variant.
type Values = BTreeMap<(String, String, &'static str), Vec<f64>>;

/// The one that the others are compared with.
const CEILING: &str = "ceiling";

impl Numbers {
    pub(crate) fn of(what: &str) -> Self {
        Self { what: what.to_owned(), values: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, value: f64) {
        self.values.push((name.to_owned(), value));
    }
}

impl Report {
    /// A measurement of `variant`, and the one of the ceiling right before it.
    pub(crate) fn add(&mut self, variant: &'static str, ceiling: Numbers, numbers: Numbers) {
        for (one, other) in ceiling.values.iter().zip(&numbers.values).filter(|(one, _)| one.1 > 0.0) {
            let key = (numbers.what.clone(), other.0.clone(), variant);
            self.times.entry(key).or_default().push(other.1 / one.1);
        }
        self.note(CEILING, ceiling);
        self.note(variant, numbers);
    }

    /// A measurement of `variant` that no ceiling stands beside.
    pub(crate) fn alone(&mut self, variant: &'static str, numbers: Numbers) {
        self.note(variant, numbers);
    }

    fn note(&mut self, variant: &'static str, numbers: Numbers) {
        if !self.variants.contains(&variant) {
            self.variants.push(variant);
        }
        for (name, value) in numbers.values {
            eprintln!("  {variant}: {}: {name}: {value:.2}", numbers.what);
            let named = (numbers.what.clone(), name);
            if !self.names.contains(&named) {
                self.names.push(named.clone());
            }
            self.values.entry((named.0, named.1, variant)).or_default().push(value);
        }
    }

    /// Medians over the rounds; behind those of ours, how many times the ceiling's they are.
    pub(crate) fn print(&self) {
        let others = || self.variants.iter().filter(|variant| **variant != CEILING);
        let head: String = others().map(|variant| format!(" {variant} | × |")).collect();
        println!("| | ceiling |{head}");
        println!("|---|---|{}", "---|---|".repeat(others().count()));
        let mut last = "";
        for (what, name) in &self.names {
            if what != last {
                println!("| **{what}** | |{}", " | |".repeat(others().count()));
                last = what;
            }
            let columns: String = others()
                .map(|variant| {
                    let times = middle(&self.times, what, name, variant);
                    let times = times.map_or_else(String::new, |times| format!("{times:.2}"));
                    format!(" {} | {times} |", shown(middle(&self.values, what, name, variant)))
                })
                .collect();
            println!("| {name} | {} |{columns}", shown(middle(&self.values, what, name, CEILING)));
        }
    }

    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let values = self.values.iter().map(|((what, name, variant), values)| {
            json!({ "what": what, "name": name, "variant": variant, "rounds": values })
        });
        Ok(serde_json::to_string_pretty(&values.collect::<Vec<_>>())? + "\n")
    }
}

fn middle(values: &Values, what: &str, name: &str, variant: &'static str) -> Option<f64> {
    values.get(&(what.to_owned(), name.to_owned(), variant)).cloned().map(median)
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

/// What this share of the values, which ascend, stays under.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}
