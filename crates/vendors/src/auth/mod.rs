//! Who signs people in.

provider::category! { auth: workos::WorkOs, clerk::Clerk, supabase::Supabase }
