//! Providers of customer relationship management.

provider::category! { crm: hubspot::HubSpot, pipedrive::Pipedrive, salesforce::Salesforce }
