//! Who keeps the customers of sales teams.

provider::category! { crm: hubspot::HubSpot, pipedrive::Pipedrive, salesforce::Salesforce }
