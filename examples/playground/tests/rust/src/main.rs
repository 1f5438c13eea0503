//! The crate `convex` against the playground, which this program starts and kills.
//!
//! Standard input is JSON, as for the scripts beside it: `{"command": [binary, …], "env": {…}, "port": N, "tokens":
//! ["…", "…"]}`. It prints `ok` at its end.

mod scenarios;
mod server;

use anyhow::Result;
use convex::ConvexClient;

use crate::server::Server;

#[tokio::main]
async fn main() -> Result<()> {
    // Shows the warnings of the client itself.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut server = Server::told(&std::io::read_to_string(std::io::stdin())?)?;
    server.start().await?;
    let mut client = ConvexClient::new(&server.address).await?;
    scenarios::a_subscription_shows_what_is_there_and_every_change(&mut client).await?;
    scenarios::mutations_run_in_order_and_are_seen_when_they_are_done(&mut client).await?;
    scenarios::what_fails_says_why_and_holds_nobody_up(&mut client).await?;
    scenarios::actions_answer(&mut client).await?;
    scenarios::values_arrive_as_they_were_sent(&mut client).await?;
    scenarios::long_answers_arrive(&mut client, &server.tokens).await?;
    scenarios::whoever_signs_in_is_somebody_until_they_sign_out(&mut client, &server.tokens).await?;
    scenarios::pages_follow_one_another(&mut client).await?;
    scenarios::a_killed_server_is_found_again(&mut client, &mut server).await?;
    println!("ok");
    Ok(())
}
