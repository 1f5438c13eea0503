//! Sending e-mail, independent of the vendor.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::Result;

/// Sends e-mail.
#[async_trait]
pub trait Email: Send + Sync + 'static {
    /// Sends a mail. With the same `key` it is sent once, where the vendor supports that.
    ///
    /// # Errors
    /// What the vendor answers; retryable errors are worth another attempt.
    async fn send(&self, mail: &Mail, key: &str) -> Result<()>;
}

/// A sender of any vendor.
pub type Sender = Arc<dyn Email>;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The e-mail address of the recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The content, as plain text.
    pub text: String,
}
