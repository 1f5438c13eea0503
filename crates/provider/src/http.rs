//! The one HTTP client that calls vendors.
