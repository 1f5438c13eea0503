// Calls the server with the `api` that `trunkline codegen typescript` made. Told on standard input: its address, a key, and
// where the made files are; answers what it saw.

import { readFileSync } from "node:fs";
import { ConvexClient, ConvexHttpClient } from "convex/browser";

const { address, key, made } = JSON.parse(readFileSync(0, "utf8"));
const { api } = await import(made);

const http = new ConvexHttpClient(address, { auth: key, logger: false });
const created = await http.mutation(api.customers.create, { name: "Acme" });
const listed = await http.query(api.customers.list, {});

const live = new ConvexClient(address, { logger: false });
live.setAuth(async () => key);
const watched = await new Promise((resolve, reject) => {
  live.onUpdate(api.customers.list, {}, (customers) => customers.length === 2 && resolve(customers), reject);
  live.mutation(api.customers.create, { name: "Initech" }).catch(reject);
});
await live.close();
console.log(JSON.stringify({ created, listed, watched }));
