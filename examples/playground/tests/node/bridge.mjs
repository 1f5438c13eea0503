// `@convex-dev/react-query`: the hooks of TanStack Query, fed by the live queries.

// They look for the page when they are loaded.
const { ConvexQueryClient, convexQuery, useConvexMutation } = await import("@convex-dev/react-query");
const tanstack = await import("@tanstack/react-query");

const MINUTE = 60_000;

/** Shows components that ask by TanStack's hooks. Answers the cache that they ask. */
function show(page, component) {
  const live = new ConvexQueryClient(page.client);
  const cache = new tanstack.QueryClient({
    defaultOptions: {
      queries: {
        queryKeyHashFn: live.hashFn(),
        queryFn: live.queryFn(),
        staleTime: MINUTE,
        gcTime: 200,
        retry: false,
      },
    },
  });
  live.connect(cache);
  page.render(
    h(ConvexProvider, { client: page.client }, h(tanstack.QueryClientProvider, { client: cache }, h(component))),
  );
  return cache;
}

const scenarios = {
  async "a component waits, shows the answer, and every change without asking again"(page) {
    const states = [];
    show(page, function Count() {
      const { data, status } = tanstack.useQuery(convexQuery(api.items.count, { tag: "bridge" }));
      useLayoutEffect(() => {
        if (states.at(-1) !== status) states.push(status);
      });
      return `${status} ${data}`;
    });
    await page.reads("success 0");
    for (let n = 1; n <= 3; n++) {
      await http.mutation(api.items.insert, { tag: "bridge", text: "x", n });
      await page.reads(`success ${n}`);
    }
    assert.deepEqual(states, ["pending", "success"]);
  },

  async "a mutation is seen by who made it"(page) {
    let append;
    show(page, function List() {
      const { data } = tanstack.useQuery(convexQuery(api.kv.get, { key: "bridge" }));
      append = tanstack.useMutation({ mutationFn: useConvexMutation(api.kv.append) }).mutateAsync;
      return JSON.stringify(data) ?? "loading";
    });
    await page.reads("null");
    for (let v = 0; v < 5; v++) {
      await append({ key: "bridge", v });
      await page.reads(JSON.stringify([...Array(v + 1).keys()]));
    }
  },

  async "what fails is an error with its data, and heals"(page) {
    await http.mutation(api.kv.set, { key: "odd", v: 2 });
    show(page, function Odd() {
      const { data, error } = tanstack.useQuery(convexQuery(api.kv.failIfOdd, { key: "odd" }));
      return error ? `failed ${JSON.stringify(error.data)}` : `${data}`;
    });
    await page.reads("2");
    await http.mutation(api.kv.set, { key: "odd", v: 1 });
    await page.reads('failed {"code":"ODD","v":1}');
    await http.mutation(api.kv.set, { key: "odd", v: 4 });
    await page.reads("4");
  },

  async "what nobody shows any more is no longer watched, and asked again when it is shown again"(page) {
    let choose;
    const Count = () => `${tanstack.useQuery(convexQuery(api.items.count, { tag: "again" })).data}`;
    const cache = show(page, function Maybe() {
      const [shown, setShown] = useState(true);
      choose = setShown;
      return shown ? h(Count) : "nothing";
    });
    await page.reads("0");
    choose(false);
    await page.reads("nothing");
    await eventually("it is forgotten", () => cache.getQueryCache().getAll().length === 0);
    await http.mutation(api.items.insert, { tag: "again", text: "x", n: 1 });
    choose(true);
    await page.reads("1");
  },
};

await play(scenarios, aPage);
