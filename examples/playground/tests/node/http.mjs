// `ConvexHttpClient`, which has no connection: every call stands for itself.

import { ConvexError } from "convex/values";

const scenarios = {
  async "queries, mutations and actions answer"(client) {
    assert.equal(await client.query(api.kv.get, { key: "x" }), null);
    await client.mutation(api.kv.set, { key: "x", v: { deep: [1, "ü", null] } });
    assert.deepEqual(await client.query(api.kv.get, { key: "x" }), { deep: [1, "ü", null] });
    assert.equal(await client.action(api.util.act, { v: "done", ms: 1 }), "done");
    assert.equal((await client.query(api.util.big, { chars: 6_000_000 })).length, 6_000_000);
  },

  async "a function is called as its own kind, and by a name with .js too"(client) {
    await client.mutation("kv.js:set", { key: "named", v: 1 });
    assert.equal(await client.query("kv.js:get", { key: "named" }), 1);
    await assert.rejects(client.mutation(api.kv.get, { key: "named" }), ConvexError);
    await assert.rejects(client.query(api.kv.set, { key: "named", v: 2 }), ConvexError);
    await assert.rejects(client.query(api.kv.none, {}), ConvexError);
    assert.equal(await client.query(api.kv.get, { key: "named" }), 1);
  },

  async "values arrive as they were sent"(client) {
    const value = {
      integer: 2n ** 63n - 1n,
      negative: -(2n ** 63n),
      special: [NaN, Infinity, -Infinity, -0],
      bytes: new Uint8Array([0, 255]).buffer,
      text: "\u0000 ü 😀 \u2028",
      "a name of printable ASCII!": [[], {}, true, null, 1e308, 5e-324, 0.1],
    };
    assert.deepEqual(await client.query(api.util.echo, { v: value }), value);
    assert.deepEqual(await client.action(api.util.act, { v: value }), value);
    await client.mutation(api.kv.set, { key: "value", v: value });
    assert.deepEqual(await client.query(api.kv.get, { key: "value" }), value);
  },

  async "mutations run in their order, unless they need not"(client) {
    const all = [...Array(100).keys()];
    await Promise.all(all.map((v) => client.mutation(api.kv.append, { key: "queue", v })));
    assert.deepEqual(await client.query(api.kv.get, { key: "queue" }), all);
    const beside = all.map((v) => client.mutation(api.kv.append, { key: "beside", v }, { skipQueue: true }));
    await Promise.all(beside);
    const stored = await client.query(api.kv.get, { key: "beside" });
    assert.deepEqual(stored.sort((a, b) => a - b), all, "none is lost when they meet");
  },

  async "a mutation that fails leaves nothing and holds nobody up"(client) {
    const failed = client.mutation(api.items.insertThenFailData, { data: { why: [1.5, null] } });
    const later = client.mutation(api.kv.set, { key: "later", v: 1 });
    await assert.rejects(failed, (error) => {
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { why: [1.5, null] });
      return true;
    });
    await later;
    const broken = client.mutation(api.items.insertThenFail, { tag: "fail", n: 1 });
    await assert.rejects(broken, (error) => !(error instanceof ConvexError) && /Server Error/.test(error.message));
    await assert.rejects(client.action(api.util.actFail, { data: 7 }), (error) => error.data === 7);
    assert.equal(await client.query(api.items.count, { tag: "fail" }), 0);
  },

  async "consistent queries are of one moment"(client) {
    const writes = (async () => {
      for (let v = 0; v < 20; v++) await http.mutation(api.kv.setPair, { v });
    })();
    for (let n = 0; n < 20; n++) {
      const [a, b] = [await client.consistentQuery(api.kv.get, { key: "a" }), await http.query(api.kv.get, { key: "b" })];
      assert.ok((a ?? -1) <= (b ?? -1), "what is asked later is not older");
    }
    await writes;
    assert.equal(await client.consistentQuery(api.kv.get, { key: "a" }), 19, "what was written is read");
  },

  async "whoever shows a token is somebody, until they show none"(client) {
    assert.equal(await client.query(api.auth.whoami, {}), null);
    await assert.rejects(client.query(api.auth.mustBeUser, {}), (error) => error.data.code === "UNAUTHENTICATED");
    client.setAuth(told.tokens[0]);
    assert.equal(await client.query(api.auth.whoami, {}), "ada");
    await client.mutation(api.auth.addAs, { tag: "signed", n: 1 });
    client.setAuth(told.tokens[1]);
    assert.equal(await client.query(api.auth.mustBeUser, {}), "bob");
    client.clearAuth();
    assert.equal(await client.query(api.auth.whoami, {}), null);
    await assert.rejects(client.mutation(api.auth.addAs, { tag: "signed", n: 2 }), ConvexError);
    client.setAuth(`${told.tokens[0].slice(0, -8)}AAAAAAAA`);
    const refused = (error) => JSON.parse(error.message).code === "InvalidAuthHeader";
    await assert.rejects(client.query(api.auth.whoami, {}), refused);
    await assert.rejects(client.mutation(api.auth.addAs, { tag: "signed", n: 3 }), refused);
    assert.deepEqual((await http.query(api.items.list, { tag: "signed" })).map((item) => item.text), ["ada"]);
  },

  async "a page is a page without a connection too"(client) {
    await client.mutation(api.items.insertMany, { tag: "page", count: 12, from: 0 });
    const ask = (paginationOpts) => client.query(api.items.page, { tag: "page", paginationOpts });
    const first = await ask({ numItems: 5, cursor: null });
    assert.deepEqual([first.page.map((item) => item.n), first.isDone], [[0, 1, 2, 3, 4], false]);
    await client.mutation(api.items.insert, { tag: "page", n: 2 });
    const same = await ask({ numItems: 5, cursor: null, endCursor: first.continueCursor });
    assert.deepEqual(same.page.map((item) => item.n), [0, 1, 2, 2, 3, 4]);
    const rest = await ask({ numItems: 50, cursor: first.continueCursor });
    assert.deepEqual([rest.page.map((item) => item.n), rest.isDone], [[5, 6, 7, 8, 9, 10, 11], true]);
    const behind = await ask({ numItems: 5, cursor: rest.continueCursor });
    assert.deepEqual([behind.page, behind.isDone], [[], true]);
    await assert.rejects(ask({ numItems: 5, cursor: "nonsense" }), (error) => {
      assert.deepEqual(error.data, { isConvexSystemError: true, paginationError: "InvalidCursor" });
      return true;
    });
  },

  async "over a slow wire, and at an address with a slash at its end"(_, wire) {
    wire.delay = 10;
    const client = new ConvexHttpClient(`${wire.url}/`);
    assert.equal(await client.query(api.util.echo, { v: "here" }), "here");
  },
};

await play(scenarios, async (wire) => ({ subject: new ConvexHttpClient(wire.url), end: async () => {} }));
