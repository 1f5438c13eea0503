//! A sender that writes e-mails to the log, with personal data masked, for a product without any external account.

use async_trait::async_trait;
use kernel::{Result, mask};
use provider::email::{Email, Mail};

/// Logs e-mails instead of sending them.
#[derive(Debug)]
pub struct Console;

#[async_trait]
impl Email for Console {
    async fn send(&self, mail: &Mail, key: &str) -> Result<()> {
        tracing::info!(key, to = %mask(&mail.to), subject = %mask(&mail.subject), text = %mask(&mail.text), "e-mail");
        Ok(())
    }
}
