// Mutations that wait: each of them is done once, in its order, whatever happens to the wire and the server.

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

const connect = (url) => new ConvexClient(url, { webSocketConstructor: WebSocket, unsavedChangesWarning: false });

const scenarios = {
  async "a thousand mutations live through a cut and the death of the server"(client, wire) {
    const all = [...Array(1000).keys()];
    const done = all.map((v) => client.mutation(api.kv.append, { key: "queue", v }));
    const stored = async () => (await http.query(api.kv.get, { key: "queue" })) ?? [];
    const more = async (than) => eventually("some are done", async () => (await stored()).length > than);
    await more(20);
    // What is done from now on, the client is not told.
    wire.swallows = true;
    await more((await stored()).length + 20);
    wire.cut();
    await more((await stored()).length + 20);
    await kill();
    await start();
    await Promise.all(done);
    assert.deepEqual(await stored(), all);
  },

  async "who has gathered more than a thousand while there was no server gets rid of all of them"(client) {
    await eventually("it is connected", () => client.connectionState().isWebSocketConnected);
    await kill();
    const all = [...Array(1200).keys()];
    const done = all.map((v) => client.mutation(api.kv.set, { key: "gathered", v }));
    await start();
    await Promise.all(done);
    assert.equal(await http.query(api.kv.get, { key: "gathered" }), 1199);
  },
};

await play(scenarios, async (wire) => {
  const client = connect(wire.url);
  return { subject: client, end: () => client.close() };
});
