use std::collections::{BTreeMap, BTreeSet};

use provider::{
    Registry, VendorEntry, WebhookState,
    settings::{Field, Loaded, Variables},
};

#[test]
fn every_vendor_is_listed_once_and_no_two_share_an_address() {
    let entries = vendors::all();
    let ids: BTreeSet<_> = entries.iter().map(|entry| entry.id).collect();
    let expected = [
        "auth0",
        "clerk",
        "generic",
        "hubspot",
        "kapso",
        "lemon-squeezy",
        "ollama",
        "openrouter",
        "pipedrive",
        "polar",
        "resend",
        "salesforce",
        "sealion",
        "sendgrid",
        "stripe",
        "supabase",
        "whatsapp",
        "workos",
        "xai",
    ];
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(entries.len(), expected.len());
    let paths: Vec<_> = entries.iter().flat_map(|entry| entry.webhook_paths).collect();
    assert_eq!(paths.len(), paths.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn no_variable_belongs_to_two_vendors() {
    let mut seen = BTreeMap::new();
    for entry in vendors::all() {
        for field in (entry.fields)().into_iter().chain((entry.webhook_fields)()) {
            assert!(seen.insert(field.variable.clone(), entry.id).is_none(), "{} is declared twice", field.variable);
        }
    }
    for entry in vendors::all() {
        // The settings of a vendor's tokens may be settings of its client too.
        for field in tokens(&entry) {
            let owner = *seen.entry(field.variable.clone()).or_insert(entry.id);
            assert_eq!(owner, entry.id, "{} is declared twice", field.variable);
        }
    }
}

fn tokens(entry: &VendorEntry) -> Vec<Field> {
    (entry.issuing)().into_iter().flat_map(|issuing| (issuing.fields)()).collect()
}

#[test]
fn the_variables_that_products_already_set_are_all_declared() {
    let declared: BTreeSet<_> = vendors::all()
        .into_iter()
        .flat_map(|entry| (entry.fields)().into_iter().chain((entry.webhook_fields)()).chain(tokens(&entry)))
        .map(|field| field.variable)
        .collect();
    for variable in [
        "WORKOS_CLIENT_ID",
        "WORKOS_API_KEY",
        "WORKOS_COOKIE_PASSWORD",
        "WORKOS_REDIRECT_URI",
        "POLAR_ORGANIZATION_TOKEN",
        "POLAR_WEBHOOK_SECRET",
        "POLAR_SERVER",
        "POLAR_PRO_MONTHLY_PRODUCT_ID",
        "POLAR_PRO_YEARLY_PRODUCT_ID",
        "POLAR_BUSINESS_MONTHLY_PRODUCT_ID",
        "POLAR_BUSINESS_YEARLY_PRODUCT_ID",
        "STRIPE_SECRET_KEY",
        "NEXT_PUBLIC_STRIPE_PUBLIC_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_PHONE_NUMBER_ID",
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
        "WHATSAPP_API_VERSION",
        "RESEND_API_KEY",
        "RESEND_FROM_EMAIL",
        "OPENROUTER_API_KEY",
        "OPENROUTER_DEFAULT_MODEL",
        "OPENROUTER_FALLBACK_MODEL",
        "OPENROUTER_MAX_TOKENS",
        "OPENROUTER_TEMPERATURE",
        "GROK_API_KEY",
        "SEALION_URL",
        "OLLAMA_BASE_URL",
        "NEXT_PUBLIC_SUPABASE_URL",
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
        "CLERK_SECRET_KEY",
        "CLERK_JWT_ISSUER_DOMAIN",
        "KAPSO_API_KEY",
        "KAPSO_WEBHOOK_SECRET",
        "NEXT_PUBLIC_KAPSO_PHONE_NUMBER",
        "LEMON_SQUEEZY_WEBHOOK_SECRET",
        "WORKOS_WEBHOOK_SECRET",
        "CLERK_WEBHOOK_SIGNING_SECRET",
        "RESEND_WEBHOOK_SECRET",
        "SENDGRID_WEBHOOK_PUBLIC_KEY",
        "WHATSAPP_APP_SECRET",
        "KAPSO_WEBHOOK_VERIFY_TOKEN",
        "SUPABASE_WEBHOOK_SECRET",
        "HUBSPOT_CLIENT_SECRET",
        "PIPEDRIVE_WEBHOOK_USER",
        "PIPEDRIVE_WEBHOOK_PASSWORD",
        "SALESFORCE_WEBHOOK_SECRET",
        "GENERIC_WEBHOOK_SECRET",
    ] {
        assert!(declared.contains(variable), "{variable} belongs to no vendor");
    }
}

#[test]
fn the_receiving_side_is_on_as_soon_as_its_own_secret_is_set() {
    let variables: Variables = [("STRIPE_WEBHOOK_SECRET", "whsec_x")].into_iter().collect();
    let registry = Registry::load(vendors::all(), &variables).unwrap();
    let state = |id: &str| registry.get(id).unwrap().1.clone();
    assert!(matches!(state("stripe"), WebhookState::On(_)));
    let WebhookState::Off(why) = state("polar") else { panic!("polar is off") };
    assert!(why.contains("POLAR_WEBHOOK_SECRET is not set") && why.contains("Settings → Webhooks"), "{why}");
    let WebhookState::Off(why) = state("ollama") else { panic!("ollama is off") };
    assert_eq!(why, "Ollama sends no webhooks");
}

#[test]
fn half_of_the_settings_and_a_malformed_secret_stop_the_start_and_are_named() {
    for (variable, value, named) in [
        ("PIPEDRIVE_WEBHOOK_USER", "user-17", "PIPEDRIVE_WEBHOOK_PASSWORD"),
        ("CLERK_WEBHOOK_SIGNING_SECRET", "whsec_not-base64", "CLERK_WEBHOOK_SIGNING_SECRET"),
        ("SUPABASE_WEBHOOK_SECRET", "v1a,whpk_AAAA", "SUPABASE_WEBHOOK_SECRET"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEY", "AAAA", "SENDGRID_WEBHOOK_PUBLIC_KEY"),
    ] {
        let error = Registry::load(vendors::all(), &[(variable, value)].into_iter().collect()).err().unwrap();
        assert_eq!(error.code, kernel::Code::Config);
        assert!(error.message.contains(named) && !error.message.contains(value), "{error}");
    }
}

#[test]
fn settings_that_only_believe_tokens_are_not_half_of_the_clients() {
    let now = kernel::Time::from_seconds(1_767_225_600);
    for (variable, value, vendor) in [
        ("WORKOS_CLIENT_ID", "client_1", "workos"),
        ("CLERK_JWT_ISSUER_DOMAIN", "https://example.clerk.accounts.dev", "clerk"),
        ("NEXT_PUBLIC_SUPABASE_URL", "https://abcdefgh.supabase.co", "supabase"),
    ] {
        let variables: Variables = [(variable, value)].into_iter().collect();
        let registry = Registry::load(vendors::all(), &variables).unwrap();
        assert_eq!(registry.issuers().len(), 1, "{variable}");
        let check = registry.get(vendor).unwrap().0.check;
        assert_eq!(check(&variables, now).unwrap(), Loaded::Off, "{variable}");
    }
    let half: Variables = [("WORKOS_CLIENT_ID", "client_1"), ("WORKOS_API_KEY", "sk_1")].into_iter().collect();
    let registry = Registry::load(vendors::all(), &half).unwrap();
    let error = (registry.get("workos").unwrap().0.check)(&half, now).unwrap_err();
    assert!(error.message.contains("WORKOS_COOKIE_PASSWORD"), "{error}");
}
