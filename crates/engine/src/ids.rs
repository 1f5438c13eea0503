//! The ids that a caller consists of. The features own the rows; the engine needs the types to say who calls.

use kernel::Id;

kernel::id_prefix! {
    /// The kind of id of a person who signs in.
    pub UserPrefix = "usr" in "users"
}

kernel::id_prefix! {
    /// The kind of id of a client company of an organization.
    pub CustomerPrefix = "cus" in "customers"
}

kernel::id_prefix! {
    /// The kind of id of an API key.
    pub ApiKeyPrefix = "key" in "apiKeys"
}

/// The id of a person who signs in.
pub type UserId = Id<UserPrefix>;

/// The id of a client company of an organization.
pub type CustomerId = Id<CustomerPrefix>;

/// The id of an API key.
pub type ApiKeyId = Id<ApiKeyPrefix>;
