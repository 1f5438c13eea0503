// The hooks of `convex/react`.

import { ConvexError } from "convex/values";
/** Notes what a component has rendered, when it is something else than before. */
function useNotes(notes, value) {
  useLayoutEffect(() => {
    if (notes.length === 0 || notes.at(-1) !== value) notes.push(value);
  });
}

/** Shows its children, or what was thrown in them until it is told to try again. */
class Boundary extends Component {
  state = { error: undefined };
  static getDerivedStateFromError(error) {
    return { error };
  }
  componentDidCatch(error) {
    this.props.caught.push(error);
    this.props.boundary.current = this;
  }
  render() {
    return this.state.error ? "failed" : this.props.children;
  }
}

const scenarios = {
  async "a component waits, shows the answer, and every change"(page) {
    const rendered = [];
    page.show(function Count() {
      const count = useQuery(api.items.count, { tag: "live" });
      useNotes(rendered, count);
      return count === undefined ? "loading" : `${count} items`;
    });
    await page.reads("0 items");
    await http.mutation(api.items.insert, { tag: "live", text: "a", n: 1 });
    await page.reads("1 items");
    await http.mutation(api.items.clear, { tag: "live" });
    await page.reads("0 items");
    assert.deepEqual(rendered, [undefined, 0, 1, 0]);
  },

  async "a component asks something else when its arguments change, and nothing when it skips"(page) {
    await http.mutation(api.kv.set, { key: "one", v: 1 });
    await http.mutation(api.kv.set, { key: "two", v: 2 });
    let choose;
    page.show(function Value() {
      const [args, setArgs] = useState("skip");
      choose = setArgs;
      return JSON.stringify(useQuery(api.kv.get, args)) ?? "nothing";
    });
    await page.reads("nothing");
    choose({ key: "one" });
    await page.reads("1");
    choose({ key: "two" });
    await page.reads("2");
    await http.mutation(api.kv.set, { key: "one", v: 10 });
    await http.mutation(api.kv.set, { key: "two", v: 20 });
    await page.reads("20");
    choose("skip");
    await page.reads("nothing");
    choose({ key: "one" });
    await page.reads("10");
  },

  async "two queries of a page never show two moments"(page) {
    const torn = [];
    page.show(function Pair() {
      const [a, b] = [useQuery(api.kv.get, { key: "a" }), useQuery(api.kv.get, { key: "b" })];
      useLayoutEffect(() => {
        if (a !== undefined && b !== undefined && a !== b) torn.push([a, b]);
      });
      return `${a} ${b}`;
    });
    await eventually("both are there", () => !page.text.includes("undefined"));
    for (let v = 0; v < 40; v++) await http.mutation(api.kv.setPair, { v });
    await page.reads("39 39");
    assert.deepEqual(torn, []);
  },

  async "an optimistic update stands until the answer has taken its place, over a slow wire too"(page, wire) {
    const rendered = [];
    let append;
    page.show(function List() {
      const list = useQuery(api.kv.get, { key: "optimistic" });
      append = useMutation(api.kv.append).withOptimisticUpdate((store, { v }) => {
        const before = store.getQuery(api.kv.get, { key: "optimistic" }) ?? [];
        store.setQuery(api.kv.get, { key: "optimistic" }, [...before, v]);
      });
      useNotes(rendered, (list ?? []).length);
      return list === undefined ? "loading" : JSON.stringify(list);
    });
    await page.reads("null");
    wire.delay = 25;
    const done = [];
    for (let v = 0; v < 20; v++) {
      done.push(append({ key: "optimistic", v }));
      await page.reads(JSON.stringify([...Array(v + 1).keys()]));
    }
    await Promise.all(done);
    await page.reads(JSON.stringify([...Array(20).keys()]));
    assert.deepEqual(rendered, [...rendered].sort((a, b) => a - b), "nothing that was shown went away");
    assert.deepEqual(await http.query(api.kv.get, { key: "optimistic" }), [...Array(20).keys()]);
  },

  async "an optimistic update of a mutation that fails is taken back"(page, wire) {
    const rendered = [];
    let insert;
    page.show(function Count() {
      const count = useQuery(api.items.count, { tag: "none" });
      insert = useMutation(api.items.insertThenFailData).withOptimisticUpdate((store) => {
        store.setQuery(api.items.count, { tag: "none" }, 1);
      });
      useNotes(rendered, count);
      return `${count}`;
    });
    await page.reads("0");
    wire.delay = 25;
    await assert.rejects(insert({ data: { why: "because" } }), (error) => {
      assert.ok(error instanceof ConvexError);
      assert.deepEqual(error.data, { why: "because" });
      return true;
    });
    await page.reads("0");
    assert.deepEqual(rendered, [undefined, 0, 1, 0]);
  },

  async "actions answer, or fail with what the application says"(page) {
    let act, fail;
    page.show(function Acts() {
      act = useAction(api.util.act);
      fail = useAction(api.util.actFail);
      return "here";
    });
    await page.reads("here");
    assert.deepEqual(await act({ v: { deep: [1, "ü"] } }), { deep: [1, "ü"] });
    await assert.rejects(fail({ data: { code: "NO" } }), (error) => error.data.code === "NO");
    await assert.rejects(fail({}), (error) => error.data === undefined && /Server Error/.test(error.message));
  },

  async "what fails is thrown where an error boundary catches it, with its data, and heals"(page) {
    await http.mutation(api.kv.set, { key: "odd", v: 1 });
    const [caught, boundary] = [[], {}];
    const Odd = () => `${useQuery(api.kv.failIfOdd, { key: "odd" })}`;
    const Other = () => ` ${useQuery(api.kv.get, { key: "odd" })}`;
    page.show(() => [h(Boundary, { key: 1, caught, boundary }, h(Odd)), h(Other, { key: 2 })]);
    await page.reads("failed 1");
    assert.ok(caught[0] instanceof ConvexError);
    assert.deepEqual(caught[0].data, { code: "ODD", v: 1 });
    await http.mutation(api.kv.set, { key: "odd", v: 2 });
    await page.reads("failed 2");
    boundary.current.setState({ error: undefined });
    await page.reads("2 2");

    const broken = [];
    const Broken = () => `${useQuery(api.util.fail, {})}`;
    page.show(() => h(Boundary, { caught: broken, boundary: {} }, h(Broken)));
    await page.reads("failed");
    assert.ok(!(broken[0] instanceof ConvexError) && /Server Error/.test(broken[0].message), `${broken[0]}`);
  },

  async "a page shows what it showed while the wire is down, and what has changed when it is up again"(page, wire) {
    const rendered = [];
    page.show(function Value() {
      const value = useQuery(api.kv.get, { key: "cut" });
      useNotes(rendered, value);
      return `${value}`;
    });
    await page.reads("null");
    wire.swallows = true;
    await http.mutation(api.kv.set, { key: "cut", v: 1 });
    wire.cut();
    await page.reads("1");
    assert.deepEqual(rendered, [undefined, null, 1], "it is never seen loading again");
  },

  async "whoever signs in, becomes somebody else and signs out sees their own and nothing else"(page) {
    const rendered = [];
    let signIn;
    function useAuth() {
      const [token, setToken] = useState(null);
      signIn = setToken;
      const fetchAccessToken = useCallback(async () => token, [token]);
      return { isLoading: false, isAuthenticated: token !== null, fetchAccessToken };
    }
    function Who({ as }) {
      const who = useQuery(api.auth.whoami, {});
      useNotes(rendered, who);
      return `${as} ${who}`;
    }
    const add = {};
    function Add() {
      add.as = useMutation(api.auth.addAs);
      return null;
    }
    const parts = [
      h(AuthLoading, { key: 0 }, "loading"),
      h(Unauthenticated, { key: 1 }, h(Who, { as: "nobody" })),
      h(Authenticated, { key: 2 }, h(Who, { as: "somebody" }), h(Add)),
    ];
    page.render(h(ConvexProviderWithAuth, { client: page.client, useAuth }, parts));
    await page.reads("nobody null");
    signIn(told.tokens[0]);
    await page.reads("somebody ada");
    await add.as({ tag: "signed", n: 1 });
    signIn(told.tokens[1]);
    await page.reads("somebody bob");
    await add.as({ tag: "signed", n: 2 });
    signIn(null);
    await page.reads("nobody null");
    const items = await http.query(api.items.list, { tag: "signed" });
    assert.deepEqual(items.map((item) => item.text), ["ada", "bob"]);
    // Between two people there may be nobody, but nobody comes back.
    const known = rendered.filter((who) => who !== undefined);
    const people = known.filter((who, at) => who !== known[at - 1]);
    assert.match(people.map(String).join(" "), /^null ada (null )?bob null$/);
  },

  async "a token that nobody signed signs nobody in, and the page lives on as nobody"(page) {
    let tokens = 0;
    const useAuth = () => ({
      isLoading: false,
      isAuthenticated: true,
      fetchAccessToken: useCallback(async () => `${told.tokens[0].slice(0, -8)}${tokens++ % 10}AAAAAAA`, []),
    });
    const parts = [
      h(Unauthenticated, { key: 1 }, h(() => `nobody ${useQuery(api.auth.whoami, {})}`)),
      h(Authenticated, { key: 2 }, "somebody"),
    ];
    page.render(h(ConvexProviderWithAuth, { client: page.client, useAuth }, parts));
    await page.reads("nobody null");
    assert.ok(tokens >= 2, "a fresh token was asked for");
  },

  async "pages are loaded one after the other, and grow and shrink where they are"(page) {
    await http.mutation(api.items.insertMany, { tag: "paged", count: 25, from: 0 });
    let latest;
    page.show(function Paged() {
      latest = usePaginatedQuery(api.items.page, { tag: "paged" }, { initialNumItems: 10 });
      return `${latest.status} ${latest.results.map((item) => item.n).join(" ")}`;
    });
    const upTo = (n) => [...Array(n).keys()].join(" ");
    await page.reads(`CanLoadMore ${upTo(10)}`);
    latest.loadMore(10);
    await page.reads(`CanLoadMore ${upTo(20)}`);
    latest.loadMore(10);
    await page.reads(`Exhausted ${upTo(25)}`);
    await http.mutation(api.items.insert, { tag: "paged", n: 25 });
    await page.reads(`Exhausted ${upTo(26)}`);
    await http.mutation(api.items.clear, { tag: "paged" });
    await page.reads("Exhausted ");
    await http.mutation(api.items.insert, { tag: "paged", n: 3 });
    await page.reads("Exhausted 3");
  },
};

await play(scenarios, aPage);
