// How a front end uses the operations of this product beside the standard ones. It is compiled, not run.

import { useMutation, usePaginatedQuery, useQuery } from "convex/react";
import { api } from "./api/api.js";
import type { Doc, Id } from "./api/dataModel.js";

export function useItems(tag: string) {
  const items: Doc<"items">[] | undefined = useQuery(api.items.list, { tag });
  const ids: Id<"items">[] | undefined = items?.map((item) => item._id);
  const { results } = usePaginatedQuery(api.items.page, { tag }, { initialNumItems: 10 });
  const insert = useMutation(api.items.insert);
  const add = (): Promise<Id<"items">> => insert({ tag, n: (results.at(-1)?.n ?? 0) + 1 });
  const subject: string | null | undefined = useQuery(api.auth.whoami);
  const standard = useQuery(api.customers.list);
  // @ts-expect-error: the number is missing
  const wrong = () => insert({ tag });
  // @ts-expect-error: an item has no such field
  items?.[0]?.name;
  return { ids, add, subject, standard, wrong };
}
