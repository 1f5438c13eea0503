// What a front end does with the package, through a proxy that can cut the line.

import assert from "node:assert/strict";
import net from "node:net";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

const [host, port] = process.argv.at(-1).split(":");
setTimeout(() => {
  console.error("it takes too long");
  process.exit(1);
}, 60_000).unref();

const lines = new Set();
// What the server says is lost while this is set: so is the answer to a mutation that it has done.
let isDeaf = false;
const proxy = net.createServer((near) => {
  const far = net.connect(Number(port), host);
  const line = { near, far };
  lines.add(line);
  near.on("data", (data) => far.write(data));
  far.on("data", (data) => isDeaf || near.write(data));
  const end = () => {
    lines.delete(line);
    near.destroy();
    far.destroy();
  };
  for (const side of [near, far]) {
    side.on("close", end);
    side.on("error", end);
  }
});
await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
const cut = () => lines.forEach(({ near, far }) => [near, far].forEach((side) => side.destroy()));
const address = `http://127.0.0.1:${proxy.address().port}`;

const until = async (isSo, what) => {
  const end = Date.now() + 20_000;
  while (!isSo()) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((later) => setTimeout(later, 5));
  }
};

const open = () => new ConvexClient(address, { webSocketConstructor: WebSocket, unsavedChangesWarning: false });
const [ada, bob] = [open(), open()];
const seen = [];
ada.onUpdate(anyApi.kv.get, { key: "list" }, (list) => seen.push(list));
await until(() => seen.length === 1, "the first answer");
assert.deepEqual(seen, [null]);

// Somebody else writes, and it is seen.
assert.deepEqual(await bob.mutation(anyApi.kv.append, { key: "list", v: "bob" }), ["bob"]);
await until(() => seen.at(-1)?.length === 1, "what somebody else wrote");

// What one writes one reads as soon as the mutation is done.
for (let n = 2; n < 30; n += 1) {
  await ada.mutation(anyApi.kv.append, { key: "list", v: n });
  assert.equal(ada.client.localQueryResult("kv:get", { key: "list" }).length, n);
}

// Mutations keep their order, also those that were on their way when the line was cut.
const inOrder = Array.from({ length: 20 }, (_, n) => ada.mutation(anyApi.kv.append, { key: "order", v: n }));
setTimeout(cut, 5);
await Promise.all(inOrder);
assert.deepEqual(await ada.query(anyApi.kv.get, { key: "order" }), Array.from({ length: 20 }, (_, n) => n));

// A mutation whose answer was lost is done once.
isDeaf = true;
const lost = ada.mutation(anyApi.kv.append, { key: "once", v: 1 });
await new Promise((later) => setTimeout(later, 200));
cut();
isDeaf = false;
assert.deepEqual(await lost, [1]);
assert.deepEqual(await ada.query(anyApi.kv.get, { key: "once" }), [1]);

// Errors are what the product says.
await assert.rejects(ada.mutation(anyApi.kv.fail, { data: { code: "NO" } }), (error) => error.data.code === "NO");
await assert.rejects(ada.mutation(anyApi.kv.fail, {}), (error) => error.data === undefined && /Server Error/.test(error.message));
assert.equal(await ada.action(anyApi.util.act, { v: "acted" }), "acted");

// Values arrive as they were sent, long ones too.
const value = { integer: 5n, nan: NaN, bytes: new Uint8Array([1, 2]).buffer, list: [null, true, 1.5, "é"] };
assert.deepEqual(await ada.query(anyApi.util.echo, { v: value }), value);
assert.equal((await ada.query(anyApi.util.big, { chars: 6_000_000 })).length, 6_000_004);

// Signing in.
const people = [];
ada.onUpdate(anyApi.auth.whoami, {}, (person) => people.push(person));
await until(() => people.length === 1, "nobody is signed in");
ada.setAuth(async () => "ada");
await until(() => people.at(-1) === "ada", "somebody is signed in");
ada.client.clearAuth();
await until(() => people.at(-1) === null, "nobody is signed in any more");

// Over HTTP.
const http = new ConvexHttpClient(address);
assert.deepEqual(await http.mutation(anyApi.kv.set, { key: "http", v: 7 }), 7);
assert.deepEqual(await http.query(anyApi.kv.get, { key: "http" }), 7);
assert.deepEqual(await http.consistentQuery(anyApi.kv.get, { key: "http" }), 7);
assert.deepEqual(await http.query(anyApi.util.echo, { v: value }), value);
assert.equal(await http.action(anyApi.util.act, { v: "http" }), "http");
await assert.rejects(http.mutation(anyApi.kv.fail, { data: [1] }), (error) => error.data[0] === 1);
http.setAuth("bob");
assert.equal(await http.query(anyApi.auth.whoami, {}), "bob");
http.setAuth("wrong");
await assert.rejects(http.query(anyApi.auth.whoami, {}), /InvalidAuthHeader/);

await Promise.all([ada.close(), bob.close()]);
cut();
proxy.close();
process.exit(0);
