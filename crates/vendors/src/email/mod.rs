//! Who sends e-mail.

provider::category! { email: resend::Resend, sendgrid::SendGrid }
