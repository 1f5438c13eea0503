// What scripts with components begin with: a page that jsdom makes, and React in it.

import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><body></body>", { url: "http://localhost/", pretendToBeVisual: true });
const { window } = dom;
const { document } = window;
// What a browser has and Node has not, or has as its own.
const ofTheBrowser = { window, document, navigator: window.navigator, WebSocket: window.WebSocket };
for (const [name, value] of Object.entries(ofTheBrowser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

// React looks at the page when it is loaded.
const { Component, createElement: h, useCallback, useEffect, useLayoutEffect, useState } = await import("react");
const { createRoot } = await import("react-dom/client");
const {
  Authenticated,
  AuthLoading,
  ConvexProvider,
  ConvexProviderWithAuth,
  ConvexReactClient,
  Unauthenticated,
  useAction,
  useMutation,
  usePaginatedQuery,
  useQuery,
} = await import("convex/react");

/** A page with one component in it. */
class Page {
  constructor(url, options = {}) {
    this.client = new ConvexReactClient(url, { unsavedChangesWarning: false, ...options });
  }

  show(component, props = {}) {
    this.render(h(ConvexProvider, { client: this.client }, h(component, props)));
  }

  render(tree) {
    if (!this.root) {
      this.place = document.body.appendChild(document.createElement("div"));
      // What a boundary caught is looked at there.
      this.root = createRoot(this.place, { onCaughtError: () => {} });
    }
    this.root.render(tree);
  }

  get text() {
    return this.place.textContent;
  }

  async reads(text) {
    await eventually(() => `the page reads ${text}, not ${this.text}`, () => this.text === text);
  }

  async close() {
    this.root?.unmount();
    this.place?.remove();
    await this.client.close();
  }
}

/** What a scenario plays with. */
async function aPage(wire) {
  const page = new Page(wire.url);
  return { subject: page, end: () => page.close() };
}
