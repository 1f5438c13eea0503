//! What a program does with the client, and what it may rely on.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use convex::{AuthenticationToken, ConvexClient, FunctionResult, QuerySubscription, Value};
use futures::{StreamExt, future::join_all};

use crate::server::Server;

/// A limit that is far longer than any answer takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn a_subscription_shows_what_is_there_and_every_change(client: &mut ConvexClient) -> Result<()> {
    let mut seen = client.subscribe("kv:get", args([("key", "live".into())])).await?;
    until(&mut seen, &Value::Null).await?;
    let mut count = client.subscribe("items:count", args([("tag", "live".into())])).await?;
    until(&mut count, &0.0.into()).await?;
    done(client, "kv:set", args([("key", "live".into()), ("v", "first".into())])).await?;
    until(&mut seen, &"first".into()).await?;
    done(client, "items:insert", args([("tag", "live".into()), ("n", 1.0.into())])).await?;
    until(&mut count, &1.0.into()).await
}

pub async fn mutations_run_in_order_and_are_seen_when_they_are_done(client: &mut ConvexClient) -> Result<()> {
    let all: Vec<Value> = (0..50).map(|n| f64::from(n).into()).collect();
    let mut seen = client.subscribe("kv:get", args([("key", "order".into())])).await?;
    until(&mut seen, &Value::Null).await?;
    for n in &all {
        done(client, "kv:append", args([("key", "order".into()), ("v", n.clone())])).await?;
    }
    ensure!(same(&read(client, "order").await?, &Value::Array(all.clone())), "they ran in another order");
    until(&mut seen, &Value::Array(all)).await?;
    for n in 0..10 {
        done(client, "kv:set", args([("key", "own".into()), ("v", f64::from(n).into())])).await?;
        ensure!(same(&read(client, "own").await?, &f64::from(n).into()), "what was written is not read");
    }
    // Concurrent mutations keep the order in which they were started.
    let beside =
        join_all(
            (0..20).map(|n| {
                let mut client = client.clone();
                async move {
                    done(&mut client, "kv:append", args([("key", "beside".into()), ("v", f64::from(n).into())])).await
                }
            }),
        );
    for appended in beside.await {
        appended?;
    }
    let Value::Array(appended) = read(client, "beside").await? else { anyhow::bail!("there is no list") };
    ensure!(appended.len() == 20, "{} of 20 were done", appended.len());
    Ok(())
}

pub async fn what_fails_says_why_and_holds_nobody_up(client: &mut ConvexClient) -> Result<()> {
    let data = Value::Object(args([("why", Value::Array(vec![1.5.into(), Value::Null]))]));
    let failed = client.mutation("items:insertThenFailData", args([("data", data.clone())])).await?;
    let FunctionResult::ConvexError(error) = failed else { anyhow::bail!("{failed:?}") };
    ensure!(same(&error.data, &data), "{:?}", error.data);
    let broken = client.mutation("items:insertThenFail", args([("tag", "none".into()), ("n", 1.0.into())])).await?;
    let FunctionResult::ErrorMessage(message) = broken else { anyhow::bail!("{broken:?}") };
    ensure!(message.contains("Server Error"), "{message}");
    let unknown = client.mutation("no:thing", BTreeMap::new()).await?;
    ensure!(matches!(unknown, FunctionResult::ConvexError(_)), "{unknown:?}");

    done(client, "kv:set", args([("key", "odd".into()), ("v", 1.0.into())])).await?;
    let mut odd = client.subscribe("kv:failIfOdd", args([("key", "odd".into())])).await?;
    let refused = |shown: &FunctionResult| matches!(shown, FunctionResult::ConvexError(_));
    shows(&mut odd, refused).await?;
    done(client, "kv:set", args([("key", "odd".into()), ("v", 2.0.into())])).await?;
    until(&mut odd, &2.0.into()).await
}

pub async fn actions_answer(client: &mut ConvexClient) -> Result<()> {
    let acted = client.action("util:act", args([("v", "done".into())])).await?;
    ensure!(matches!(&acted, FunctionResult::Value(value) if same(value, &"done".into())), "{acted:?}");
    let failed = client.action("util:actFail", args([("data", "no".into())])).await?;
    ensure!(matches!(&failed, FunctionResult::ConvexError(error) if same(&error.data, &"no".into())), "{failed:?}");
    let broken = client.action("util:actFail", BTreeMap::new()).await?;
    ensure!(matches!(broken, FunctionResult::ErrorMessage(_)), "{broken:?}");
    Ok(())
}

pub async fn values_arrive_as_they_were_sent(client: &mut ConvexClient) -> Result<()> {
    let value = Value::Object(args([
        ("integer", i64::MAX.into()),
        ("special", Value::Array(vec![f64::INFINITY.into(), (-0.0).into(), 0.1.into()])),
        ("bytes", vec![0, 255].into()),
        ("text", "ü 😀".into()),
        ("nothing", Value::Null),
    ]));
    let echo = client.query("util:echo", args([("v", value.clone())])).await?;
    ensure!(matches!(&echo, FunctionResult::Value(back) if same(back, &value)), "{echo:?}");
    Ok(())
}

pub async fn long_answers_arrive(client: &mut ConvexClient, tokens: &[String]) -> Result<()> {
    // Who has not signed in may ask for less.
    let refused = client.query("util:big", args([("chars", 6_000_000.0.into())])).await?;
    ensure!(matches!(refused, FunctionResult::ConvexError(_)), "{refused:?}");
    let mut who = client.subscribe("auth:whoami", BTreeMap::new()).await?;
    client.set_auth(Some(tokens[0].clone())).await;
    until(&mut who, &"ada".into()).await?;
    // The second one is longer than the longest frame that this client accepts.
    for chars in [6_000_000, 9_000_000] {
        let long = client.query("util:big", args([("chars", f64::from(chars).into())])).await?;
        let FunctionResult::Value(Value::String(text)) = long else { anyhow::bail!("no text") };
        ensure!(text.len() == 2 * usize::try_from(chars)?, "{} bytes", text.len());
    }
    client.set_auth(None).await;
    until(&mut who, &Value::Null).await
}

pub async fn whoever_signs_in_is_somebody_until_they_sign_out(
    client: &mut ConvexClient,
    tokens: &[String],
) -> Result<()> {
    let mut who = client.subscribe("auth:whoami", BTreeMap::new()).await?;
    until(&mut who, &Value::Null).await?;
    client.set_auth(Some(tokens[0].clone())).await;
    until(&mut who, &"ada".into()).await?;
    done(client, "auth:addAs", args([("tag", "signed".into()), ("n", 1.0.into())])).await?;
    let token = tokens[1].clone();
    let fetch = move |_force: bool| {
        let token = token.clone();
        Box::pin(async move { Ok(AuthenticationToken::User(token)) }) as _
    };
    client.set_auth_callback(Some(Box::new(fetch))).await;
    until(&mut who, &"bob".into()).await?;
    client.set_auth(None).await;
    until(&mut who, &Value::Null).await?;
    let refused = client.mutation("auth:addAs", args([("tag", "signed".into()), ("n", 2.0.into())])).await?;
    ensure!(matches!(refused, FunctionResult::ConvexError(_)), "{refused:?}");
    client.set_auth(Some(tokens[0].clone())).await;
    until(&mut who, &"ada".into()).await
}

pub async fn pages_follow_one_another(client: &mut ConvexClient) -> Result<()> {
    let many = args([("tag", "page".into()), ("count", 12.0.into()), ("from", 0.0.into())]);
    done(client, "items:insertMany", many).await?;
    let (mut cursor, mut numbers) = (Value::Null, Vec::new());
    loop {
        let options = Value::Object(args([("numItems", 5.0.into()), ("cursor", cursor.clone())]));
        let page = client.query("items:page", args([("tag", "page".into()), ("paginationOpts", options)])).await?;
        let FunctionResult::Value(Value::Object(page)) = page else { anyhow::bail!("{page:?}") };
        let Some(Value::Array(rows)) = page.get("page") else { anyhow::bail!("{page:?}") };
        for row in rows {
            let Value::Object(row) = row else { anyhow::bail!("{row:?}") };
            numbers.push(row["n"].clone());
        }
        if matches!(page.get("isDone"), Some(Value::Boolean(true))) {
            break;
        }
        cursor = page.get("continueCursor").cloned().context("a page ends somewhere")?;
    }
    let all: Vec<Value> = (0..12).map(|n| f64::from(n).into()).collect();
    ensure!(same(&Value::Array(numbers), &Value::Array(all)), "there is a gap between pages");
    Ok(())
}

/// With this client a mutation runs at least once: it must be harmless when it runs twice.
pub async fn a_killed_server_is_found_again(client: &mut ConvexClient, server: &mut Server) -> Result<()> {
    let mut seen = client.subscribe("kv:get", args([("key", "killed".into())])).await?;
    let mut who = client.subscribe("auth:whoami", BTreeMap::new()).await?;
    until(&mut seen, &Value::Null).await?;
    until(&mut who, &"ada".into()).await?;
    for n in 0..3 {
        let n: Value = f64::from(n).into();
        server.kill()?;
        let (mut writer, v) = (client.clone(), n.clone());
        let written = tokio::spawn(async move { insists(&mut writer, "killed", v).await });
        server.start().await?;
        tokio::time::timeout(PATIENCE, written).await.context("a mutation is done after all")???;
        until(&mut seen, &n).await?;
        ensure!(same(&read(client, "killed").await?, &n), "it is not read");
    }
    // The client signs in again by itself.
    done(client, "auth:addAs", args([("tag", "signed".into()), ("n", 3.0.into())])).await
}

fn args<const N: usize>(args: [(&str, Value); N]) -> BTreeMap<String, Value> {
    args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Runs a mutation that succeeds.
async fn done(client: &mut ConvexClient, name: &str, args: BTreeMap<String, Value>) -> Result<()> {
    let done = tokio::time::timeout(PATIENCE, client.mutation(name, args)).await.context(name.to_owned())??;
    ensure!(matches!(done, FunctionResult::Value(_)), "{name}: {done:?}");
    Ok(())
}

/// Runs a mutation, and retries where the client itself gives up: when its connection breaks while it takes a request,
/// it fails the caller and sends the request nevertheless.
async fn insists(client: &mut ConvexClient, key: &str, v: Value) -> Result<()> {
    loop {
        match client.mutation("kv:set", args([("key", key.into()), ("v", v.clone())])).await {
            Ok(FunctionResult::Value(_)) => return Ok(()),
            Ok(failed) => anyhow::bail!("{failed:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn read(client: &mut ConvexClient, key: &str) -> Result<Value> {
    match client.query("kv:get", args([("key", key.into())])).await? {
        FunctionResult::Value(value) => Ok(value),
        failed => anyhow::bail!("{failed:?}"),
    }
}

/// Waits until a subscription shows this value. It may show a value several times, and skip values.
async fn until(seen: &mut QuerySubscription, wanted: &Value) -> Result<()> {
    let is_wanted = |shown: &FunctionResult| matches!(shown, FunctionResult::Value(value) if same(value, wanted));
    shows(seen, is_wanted).await.with_context(|| format!("it never shows {wanted:?}"))
}

async fn shows(seen: &mut QuerySubscription, is_wanted: impl Fn(&FunctionResult) -> bool) -> Result<()> {
    let wanted = async {
        while let Some(shown) = seen.next().await {
            if is_wanted(&shown) {
                return Ok(());
            }
        }
        anyhow::bail!("the subscription ended")
    };
    tokio::time::timeout(PATIENCE, wanted).await.context("in time")?
}

/// Returns whether two values are the same, down to the sign of zero.
fn same(one: &Value, other: &Value) -> bool {
    format!("{one:?}") == format!("{other:?}")
}
