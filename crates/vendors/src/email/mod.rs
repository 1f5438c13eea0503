//! Providers of e-mail.

mod console;

pub use console::Console;

provider::category! { email: resend::Resend, sendgrid::SendGrid }
