// The unmodified npm package `convex` in Node.

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

const connect = (url) => new ConvexClient(url, { webSocketConstructor: WebSocket, unsavedChangesWarning: false });

/** Everything that a subscription shows. */
function watch(client, query, args) {
  const shown = [];
  client.onUpdate(query, args, (value) => shown.push(value), (error) => shown.push(error));
  return shown;
}

const scenarios = {
  async "a subscription shows what was there, and every change"(client) {
    const counts = watch(client, api.items.count, { tag: "live" });
    await eventually("the first answer", () => counts.length === 1);
    await client.mutation(api.items.insert, { tag: "live", text: "a", n: 1 });
    assert.deepEqual(counts, [0, 1], "a client sees its own write when it hears of it");
    await http.mutation(api.items.insert, { tag: "live", text: "b", n: 2 });
    await eventually("the write of another client", () => counts.at(-1) === 2);
  },

  async "queries move together"(client) {
    let [a, b] = [undefined, undefined];
    const torn = [];
    const look = () => a !== undefined && b !== undefined && a !== b && torn.push([a, b]);
    client.onUpdate(api.kv.get, { key: "a" }, (value) => (a = value));
    client.onUpdate(api.kv.get, { key: "b" }, (value) => { b = value; queueMicrotask(look); });
    for (let v = 0; v < 50; v++) await http.mutation(api.kv.setPair, { v });
    await eventually("the last pair", () => a === 49 && b === 49);
    assert.deepEqual(torn, []);
  },

  async "mutations run in their order, and what failed left nothing"(client) {
    await Promise.all([...Array(50).keys()].map((v) => client.mutation(api.kv.append, { key: "order", v })));
    assert.deepEqual(await client.query(api.kv.get, { key: "order" }), [...Array(50).keys()]);
    await assert.rejects(client.mutation(api.items.insertThenFail, { tag: "none", text: "", n: 1 }), /Server Error/);
    const data = { why: ["because", 1.5, null] };
    await assert.rejects(client.mutation(api.items.insertThenFailData, { data }), (error) => {
      assert.deepEqual(error.data, data);
      return true;
    });
    assert.equal(await client.query(api.items.count, { tag: "none" }), 0);
    assert.equal(await client.query(api.items.count, { tag: "fail" }), 0);
  },

  async "a failing query heals with the data, and the others do not notice"(client) {
    await http.mutation(api.kv.set, { key: "odd", v: 1 });
    const odd = watch(client, api.kv.failIfOdd, { key: "odd" });
    const echo = watch(client, api.util.echo, { v: "here" });
    await eventually("the failure", () => odd.at(-1)?.data?.code === "ODD");
    await http.mutation(api.kv.set, { key: "odd", v: 2 });
    await eventually("the answer", () => odd.at(-1) === 2);
    assert.deepEqual(echo, ["here"]);
  },

  async "actions run beside each other"(client) {
    let isDone = false;
    const slow = client.action(api.util.act, { v: 0, ms: 3000 }).then((v) => ((isDone = true), v));
    assert.deepEqual(await Promise.all([1, 2, 3].map((v) => client.action(api.util.act, { v }))), [1, 2, 3]);
    assert.ok(!isDone, "nobody waits for the slow one");
    assert.equal(await slow, 0);
    await assert.rejects(client.action(api.util.actFail, { data: { a: 1 } }), (error) => error.data.a === 1);
  },

  async "a mutation whose answer was lost is done once"(client, wire) {
    const seen = watch(client, api.kv.get, { key: "lost" });
    await eventually("the first answer", () => seen.length === 1);
    wire.swallows = true;
    const done = client.mutation(api.kv.append, { key: "lost", v: "once" });
    await eventually("it was done", async () => (await http.query(api.kv.get, { key: "lost" }))?.length === 1);
    wire.cut();
    assert.deepEqual(await done, ["once"]);
    assert.deepEqual(await http.query(api.kv.get, { key: "lost" }), ["once"]);
    await eventually("it is shown", () => seen.at(-1)?.length === 1);
  },

  async "also when the server was killed in between"(client, wire) {
    const seen = watch(client, api.kv.get, { key: "killed" });
    await eventually("the first answer", () => seen.length === 1);
    wire.swallows = true;
    const done = client.mutation(api.kv.append, { key: "killed", v: "once" });
    await eventually("it was done", async () => (await http.query(api.kv.get, { key: "killed" }))?.length === 1);
    await kill();
    await start();
    wire.cut();
    assert.deepEqual(await done, ["once"]);
    assert.deepEqual(await http.query(api.kv.get, { key: "killed" }), ["once"]);
    await http.mutation(api.kv.append, { key: "killed", v: "later" });
    await eventually("the subscription goes on", () => seen.at(-1)?.length === 2);
  },

  async "whoever signs in is somebody, and may become somebody else"(client) {
    const who = watch(client, api.auth.whoami, {});
    await eventually("nobody", () => who.at(-1) === null);
    await assert.rejects(client.query(api.auth.mustBeUser, {}), (error) => error.data.code === "UNAUTHENTICATED");
    client.setAuth(async () => told.tokens[0]);
    await eventually("the first", () => who.at(-1) === "ada");
    await client.mutation(api.auth.addAs, { tag: "signed", n: 1 });
    client.setAuth(async () => told.tokens[1]);
    await eventually("the second", () => who.at(-1) === "bob");
    await client.mutation(api.auth.addAs, { tag: "signed", n: 2 });
    const items = await client.query(api.items.list, { tag: "signed" });
    assert.deepEqual(items.map((item) => item.text), ["ada", "bob"]);
  },

  async "a thousand subscriptions live on one socket, and the one that changes is told"(client) {
    const shown = [...Array(1000).keys()].map((n) => watch(client, api.kv.get, { key: `many-${n}` }));
    await eventually("all of them", () => shown.every((values) => values.length > 0));
    await client.mutation(api.kv.set, { key: "many-500", v: "x" });
    assert.equal(shown[500].at(-1), "x");
    const others = shown.filter((_, n) => n !== 500);
    assert.ok(others.every((values) => values.length === 1 && values[0] === null), "the others did not change");
  },

  async "very long answers come over a slow wire, while others go on beside them"(client, wire) {
    // Who has not signed in may ask for less.
    await assert.rejects(client.query(api.util.big, { chars: 6_000_000 }), (error) => error.data.tag === "queries_too_large");
    const who = watch(client, api.auth.whoami, {});
    client.setAuth(async () => told.tokens[0]);
    await eventually("signed in", () => who.at(-1) === "ada");
    wire.delay = 2;
    const big = client.query(api.util.big, { chars: 6_000_000 });
    const lists = watch(client, api.kv.get, { key: "beside" });
    const appended = [];
    for (let v = 0; v < 10; v++) appended.push(client.mutation(api.kv.append, { key: "beside", v }));
    const text = await big;
    assert.equal(text.length, 6_000_000);
    assert.ok(/^ü+$/.test(text));
    await Promise.all(appended);
    assert.deepEqual(lists.at(-1), [...Array(10).keys()]);
    assert.equal((await client.query(api.util.big, { chars: 6_000_000 })).length, 6_000_000, "a second time");
  },

  async "pages neither overlap nor leave holes while rows come and go"() {
    await http.mutation(api.items.insertMany, { tag: "page", count: 30, from: 0 });
    const numbers = [];
    let cursor = null;
    for (;;) {
      const page = await http.query(api.items.page, { tag: "page", paginationOpts: { numItems: 7, cursor } });
      numbers.push(...page.page.map((item) => item.n));
      await http.mutation(api.items.insert, { tag: "page", text: "before", n: -1 });
      if (page.isDone) break;
      cursor = page.continueCursor;
    }
    assert.deepEqual(numbers, [...Array(30).keys()]);
    const foreign = { tag: "other", paginationOpts: { numItems: 7, cursor } };
    await assert.rejects(http.query(api.items.page, foreign), /InvalidCursor/);
  },
};

await play(scenarios, async (wire) => {
  const client = connect(wire.url);
  return { subject: client, end: () => client.close() };
});
