// What the compiler has to refuse. A line that it accepts makes the comment above it an error.

import { ConvexHttpClient } from "convex/browser";
import { useAction, useMutation, usePaginatedQuery, useQuery } from "convex/react";
import { api } from "./api/api.js";
import type { Doc, Id } from "./api/dataModel.js";

export function useWrongly(customerId: Id<"customers">, userId: Id<"users">) {
  // @ts-expect-error: there is no such module
  useQuery(api.customer.list, {});
  // @ts-expect-error: there is no such operation
  useQuery(api.customers.all, {});
  // @ts-expect-error: it takes nothing
  useQuery(api.customers.list, { name: "Acme" });
  // @ts-expect-error: an argument is missing
  useQuery(api.customers.get, {});
  // @ts-expect-error: the arguments are missing
  useQuery(api.customers.get);
  // @ts-expect-error: an argument that does not exist
  useQuery(api.customers.get, { customerId, more: true });
  // @ts-expect-error: a text is no id
  useQuery(api.customers.get, { customerId: "cus_1" });
  // @ts-expect-error: the id of something else
  useQuery(api.customers.get, { customerId: userId });
  // @ts-expect-error: not while it is loading
  useQuery(api.customers.list).length;
  // @ts-expect-error: a customer has no such field
  useQuery(api.customers.list)?.[0]?.phone;
  const mine = useQuery(api.customers.getMine);
  // @ts-expect-error: null, when the caller is nobody's client
  if (mine !== undefined) mine.name.length;
  // @ts-expect-error: a mutation is no query
  useQuery(api.customers.create, { name: "Acme" });
  // @ts-expect-error: a query is no mutation
  useMutation(api.customers.list);
  // @ts-expect-error: a mutation is no action
  useAction(api.users.sync);
  // @ts-expect-error: it has no pages
  usePaginatedQuery(api.customers.list, {}, { initialNumItems: 20 });
  // @ts-expect-error: the wrong type
  usePaginatedQuery(api.customers.page, { search: 7 }, { initialNumItems: 20 });
}

export async function callWrongly(client: ConvexHttpClient) {
  // @ts-expect-error: the wrong type
  await client.mutation(api.customers.create, { name: 7 });
  // @ts-expect-error: a name is needed
  await client.mutation(api.customers.create, {});
  // @ts-expect-error: not one of the roles
  await client.mutation(api.invitations.send, { email: "ada@acme.example", role: "boss" });
  const created = await client.mutation(api.customers.create, { name: "Acme" });
  // @ts-expect-error: it may be absent
  created.notes.length;
  // @ts-expect-error: the id of a customer
  const userId: Id<"users"> = created._id;
  return userId;
}

// @ts-expect-error: there is no such table
export type Nothing = Doc<"nothing">;
