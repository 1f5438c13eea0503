// How front ends use what `trunkline codegen typescript` makes. It is compiled, not run.

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { insertAtTop, useAction, useConvex, useMutation, usePaginatedQuery, useQuery } from "convex/react";
import type { FunctionArgs, FunctionReturnType } from "convex/server";
import { api } from "./api/api.js";
import type { Customer, Doc, Id, Role } from "./api/dataModel.js";

/** Compiles where both types are the same. */
function same<A, B>(_proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false) {}

export function useCustomers(customerId: Id<"customers"> | undefined) {
  const all = useQuery(api.customers.list, {});
  same<typeof all, Customer[] | undefined>(true);
  const withoutArguments = useQuery(api.customers.list);
  same<typeof withoutArguments, typeof all>(true);
  const one = useQuery(api.customers.get, customerId === undefined ? "skip" : { customerId });
  same<typeof one, Doc<"customers"> | undefined>(true);
  const mine = useQuery(api.customers.getMine);
  same<typeof mine, Doc<"customers"> | null | undefined>(true);
  const notes: string | undefined = one?.notes;
  const role: Role | undefined = useQuery(api.organizations.has)?.role;
  const planId: string | null | undefined = useQuery(api.billing.info)?.planId;
  return { all, one, mine, notes, role, planId };
}

export function useChanges() {
  const create = useMutation(api.customers.create).withOptimisticUpdate((store, customer) => {
    const before = store.getQuery(api.customers.list, {});
    same<typeof before, Customer[] | undefined>(true);
    const shown: Customer = {
      _id: "new" as Id<"customers">,
      _creationTime: 0,
      orgId: "mine" as Id<"organizations">,
      name: customer.name,
      createdAt: 0,
      updatedAt: 0,
    };
    if (before !== undefined) store.setQuery(api.customers.list, {}, [shown, ...before]);
    insertAtTop({ paginatedQuery: api.customers.page, localQueryStore: store, item: shown });
  });
  const update = useMutation(api.customers.update);
  const synchronize = useAction(api.users.syncCurrent);
  return async (customerId: Id<"customers">) => {
    const created = await create({ name: "Acme", email: "hello@acme.example" });
    same<typeof created, Customer>(true);
    await update({ customerId, notes: null });
    const { synced, orgId } = await synchronize({});
    return { created, synced, orgId };
  };
}

export function usePages(search: string) {
  const { results, status, loadMore } = usePaginatedQuery(
    api.customers.page,
    { search },
    { initialNumItems: 20 },
  );
  same<typeof results, Customer[]>(true);
  if (status === "CanLoadMore") loadMore(20);
  return results.map((customer) => customer.name.toUpperCase());
}

export async function withoutReact(address: string, token: string) {
  const http = new ConvexHttpClient(address, { auth: token });
  const customers = await http.query(api.customers.list, {});
  const created = await http.mutation(api.customers.create, { name: "Acme" });
  const synced = await http.action(api.users.syncCurrent, {});
  same<typeof synced, FunctionReturnType<typeof api.users.syncCurrent>>(true);

  const client = new ConvexClient(address);
  client.setAuth(async () => token);
  const stop = client.onUpdate(api.users.listMembers, {}, (members) => {
    same<(typeof members)[number]["status"], "active" | "removed">(true);
  });
  const send: FunctionArgs<typeof api.invitations.send> = { email: "ada@acme.example", role: "staff" };
  const { invitationId } = await client.mutation(api.invitations.send, send);
  same<typeof invitationId, Id<"invitations">>(true);
  stop();
  // An id is a text: for addresses, keys, logs.
  const path: string = `/customers/${created._id}`;
  return { customers, path, first: created._id.startsWith("cus_") };
}

export function useClient() {
  const convex = useConvex();
  return async () => {
    const page = await convex.query(api.customers.page, { paginationOpts: { numItems: 20, cursor: null } });
    same<typeof page.page, Customer[]>(true);
    return page.isDone ? undefined : page.continueCursor;
  };
}
