//! Sending e-mail, in words that fit all vendors.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Result;

/// Sends e-mail.
#[async_trait]
pub trait Email: Send + Sync + 'static {
    /// Hands a mail over. The same `key` sends it once, where the vendor can tell.
    ///
    /// # Errors
    /// What the vendor answers; an error that may heal is worth another attempt.
    async fn send(&self, mail: &Mail, key: &str) -> Result<()>;
}

/// Any sender.
pub type Sender = Arc<dyn Email>;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// The line that is shown in lists.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
}
