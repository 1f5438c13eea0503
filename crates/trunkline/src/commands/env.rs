//! `env`: prints every variable, from the settings structs.

use kernel::Result;
use provider::settings::{env_example, fields};

use crate::{
    output,
    settings::{ReservedSettings, Settings},
};

pub(crate) fn run() -> Result<()> {
    output::say(
        "# Every variable that Trunkline reads. Made by `trunkline env`: do not edit, copy what you need to `.env`.\n",
    );
    output::say(env_example("Trunkline", &fields::<Settings>()));
    output::say(env_example("Accepted now, read by a later version", &fields::<ReservedSettings>()));
    let mut vendors = vendors::all();
    vendors.sort_by_key(|vendor| vendor.category);
    for vendor in vendors {
        let mut all = (vendor.webhook_fields)();
        let tokens = (vendor.issuing)().into_iter().flat_map(|issuing| (issuing.fields)());
        for field in (vendor.fields)().into_iter().chain(tokens) {
            // A variable that several structs have is printed once.
            if all.iter().all(|known| known.variable != field.variable) {
                all.push(field);
            }
        }
        output::say(env_example(&format!("{} ({})", vendor.title, vendor.category), &all));
    }
    Ok(())
}
