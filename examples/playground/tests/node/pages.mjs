// Long lists in pages while rows come and go, most of all where one page ends and the next one begins. Whatever is shown has to
// be what the list is at that moment: its beginning, or all of it.

import { ConvexClient } from "convex/browser";

/** The socket of the page, which tells what pages there are and which were cut in two. */
class Watched extends window.WebSocket {
  static pages = new Map();
  static splits = 0;

  constructor(...address) {
    super(...address);
    Watched.pages.clear();
    this.addEventListener("message", ({ data }) => {
      for (const { queryId, value } of JSON.parse(data).modifications ?? []) {
        if (value?.continueCursor) Watched.pages.set(queryId, value.page);
        else Watched.pages.delete(queryId);
      }
    });
  }

  send(text) {
    for (const { args } of JSON.parse(text).modifications ?? []) {
      if (args?.[0].paginationOpts?.endCursor) Watched.splits += 1;
    }
    super.send(text);
  }
}

const ids = (items) => items.map((item) => `${item.n}:${item._id}`);
const INITIAL = 5;

/** The rows of the list, each of them alone with its tag, so that it can be removed alone. */
class Rows {
  constructor(random) {
    this.random = random;
    this.tags = 0;
    this.tagOf = new Map();
  }

  async insert(n) {
    const tag = `row-${this.tags++}`;
    const id = await http.mutation(api.items.insert, { tag, n }, { skipQueue: true });
    this.tagOf.set(id, tag);
  }

  async remove(item) {
    const tag = item && this.tagOf.get(item._id);
    if (!tag) return;
    this.tagOf.delete(item._id);
    await http.mutation(api.items.clear, { tag }, { skipQueue: true });
  }

  /** A row that is the first or the last one of a page. */
  border() {
    const pages = [...Watched.pages.values()].filter((page) => page.length > 0);
    if (pages.length === 0) return undefined;
    return pages[this.random(pages.length)].at(this.random(2) - 1);
  }

  anywhere(list) {
    return list[this.random(Math.max(list.length, 1))];
  }
}

/** One turn of the random walk: what happened, for the one who has to find out why it went wrong. */
async function turn(rows, shown, wire) {
  const { random } = rows;
  const { list, paged } = shown();
  const border = rows.border()?.n ?? random(1000);
  switch (random(12)) {
    case 0:
    case 1:
      await rows.insert(random(1000));
      return "a row somewhere";
    case 2:
    case 3:
      await rows.insert(border + random(3) - 1);
      return `a row at ${border}`;
    case 4:
      await Promise.all([-1, 0, 0, 1].map((by) => rows.insert(border + by)));
      return `rows around ${border}`;
    case 5:
    case 6:
      await rows.remove(rows.border());
      return "the row at a border goes";
    case 7:
      await rows.remove(rows.anywhere(list));
      return "a row goes";
    case 8: {
      const at = random(Math.max(list.length, 1));
      await Promise.all(list.slice(at, at + INITIAL + 2).map((item) => rows.remove(item)));
      return `all rows behind ${at} go, for longer than a page`;
    }
    case 9:
      await Promise.all([...Array(2 * INITIAL + 2).keys()].map(() => rows.insert(border)));
      return `more rows at ${border} than fit on two pages`;
    case 10:
      paged.loadMore(1 + random(2 * INITIAL));
      return "more is loaded";
    default:
      wire.cut();
      await rows.insert(border);
      await rows.remove(rows.border());
      return "the wire is cut, and rows come and go";
  }
}

async function walk(page, wire, seed) {
  const rows = new Rows(dice(seed));
  const history = [];
  const wrong = [];
  let shown = {};
  const check = ({ list, paged }) => {
    if (list === undefined || paged.status === "LoadingFirstPage") return;
    const [whole, part] = [ids(list), ids(paged.results)];
    const expected = paged.status === "Exhausted" ? whole : whole.slice(0, part.length);
    if (JSON.stringify(part) !== JSON.stringify(expected)) wrong.push({ status: paged.status, part, whole });
  };
  page.show(function Paged() {
    const list = useQuery(api.items.list, {});
    const paged = usePaginatedQuery(api.items.page, {}, { initialNumItems: INITIAL });
    useLayoutEffect(() => {
      shown = { list, paged };
      check(shown);
    });
    return null;
  });

  // The same list without React.
  const client = new ConvexClient(wire.url, { webSocketConstructor: window.WebSocket, unsavedChangesWarning: false });
  let plain;
  const options = { initialNumItems: INITIAL };
  client.onPaginatedUpdate_experimental(api.items.page, {}, options, (result) => (plain = result));

  const isWhole = async (results) => {
    const list = ids(await http.query(api.items.list, {}));
    return JSON.stringify(ids(results)) === JSON.stringify(list);
  };
  try {
    for (let n = 0; n < 17; n++) await rows.insert(rows.random(1000));
    await eventually("the list is there", () => shown.list?.length === 17 && plain);
    for (let n = 0; n < 30; n++) {
      history.push(await turn(rows, () => shown, wire));
      if (rows.random(3) === 0) await sleep(rows.random(20));
      assert.deepEqual(wrong, []);
    }
    // To the end of the list, which is then the whole of it.
    await eventually("all pages are there", () => {
      if (shown.paged.status === "CanLoadMore") shown.paged.loadMore(50);
      if (plain.status === "CanLoadMore") plain.loadMore(50);
      return shown.paged.status === "Exhausted" && plain.status === "Exhausted";
    });
    await eventually("the pages of the component are the list", () => isWhole(shown.paged.results));
    await eventually("the pages of the plain client are the list", () => isWhole(plain.results));
    assert.deepEqual(wrong, []);
  } catch (error) {
    console.error(`seed ${seed}, after:\n${history.join("\n")}`);
    throw error;
  } finally {
    await client.close();
    for (const tag of rows.tagOf.values()) await http.mutation(api.items.clear, { tag });
  }
}

const watchedPage = (wire) => new Page(wire.url, { webSocketConstructor: Watched });

const scenarios = {
  async "what is shown is the list, after every turn of a random walk"(_, wire) {
    const seeds = [1, 2, Math.floor(Math.random() * 2 ** 32)];
    for (const seed of seeds) {
      console.error(`seed ${seed}`);
      const page = watchedPage(wire);
      await walk(page, wire, seed);
      await page.close();
    }
    assert.ok(Watched.splits > 0, "pages were cut in two");
  },

  async "a list whose cursors mean nothing any more begins again"(_, wire) {
    // Another database, as after a loss: cursors of the old one are worth nothing there.
    if (!told.env.DATABASE_URL.startsWith("sqlite:")) return;
    await http.mutation(api.items.insertMany, { tag: "old", count: 12, from: 0 });
    const page = watchedPage(wire);
    let paged;
    page.show(function Paged() {
      paged = usePaginatedQuery(api.items.page, {}, { initialNumItems: INITIAL });
      return `${paged.status} ${paged.results.map((item) => item.n).join(" ")}`;
    });
    await page.reads("CanLoadMore 0 1 2 3 4");
    paged.loadMore(INITIAL);
    await page.reads("CanLoadMore 0 1 2 3 4 5 6 7 8 9");
    await kill();
    await start({ DATABASE_URL: `${told.env.DATABASE_URL}.other` });
    await http.mutation(api.items.insertMany, { tag: "new", count: 7, from: 100 });
    await page.reads("CanLoadMore 100 101 102 103 104");
    paged.loadMore(INITIAL);
    await page.reads("Exhausted 100 101 102 103 104 105 106");
    await page.close();
  },
};

await play(scenarios, async () => ({ subject: undefined, end: async () => {} }));
