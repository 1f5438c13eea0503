// What every script in this folder begins with: it is put before them. A playground that can be killed, and a wire to it that
// can be slow, deaf or cut.
//
// Standard input is JSON: { "command": [binary, …], "env": {…}, "port": N, "tokens": ["…", "…"] }. A script prints "ok" at its end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";

const told = JSON.parse(readFileSync(0, "utf8"));
const direct = `http://127.0.0.1:${told.port}`;
const http = new ConvexHttpClient(direct);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

let server;
async function start(env = {}) {
  const [binary, ...words] = told.command;
  server = spawn(binary, words, { env: { ...told.env, ...env }, stdio: ["ignore", "inherit", "inherit"] });
  await eventually("the server is ready", async () => (await fetch(`${direct}/health/ready`)).ok);
}

async function kill() {
  const gone = new Promise((told) => server.once("exit", told));
  server.kill("SIGKILL");
  await gone;
}

/** Waits for something that is to come; how long it takes is nobody's promise. */
async function eventually(what, ask) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) {
    const answer = await Promise.resolve().then(ask).catch(() => undefined);
    if (answer) return answer;
  }
  assert.fail(`it never happened: ${typeof what === "function" ? what() : what}`);
}

/** The same dice for the same seed (mulberry32). */
function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return (below) => Math.floor(next() * below);
}

/** A wire to the server. */
class Wire {
  /** What the server says is lost. */
  swallows = false;
  /** How long everything is on its way, in both directions. */
  delay = 0;
  sockets = new Set();

  async listen() {
    this.server = net.createServer((near) => {
      const far = net.connect(told.port, "127.0.0.1");
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on("error", () => {}).on("close", () => {
          this.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      this.carry(near, far, () => true);
      this.carry(far, near, () => !this.swallows);
    });
    await new Promise((ready) => this.server.listen(0, "127.0.0.1", ready));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  carry(from, to, hears) {
    let way = Promise.resolve();
    from.on("data", (bytes) => {
      const late = this.delay ? sleep(this.delay) : undefined;
      from.pause();
      way = way.then(() => late).then(() => {
        const goesOn = !hears() || to.destroyed || to.write(bytes);
        if (goesOn) from.resume();
        else to.once("drain", () => from.resume());
      });
    });
  }

  cut() {
    this.swallows = false;
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }
}

/** Runs one scenario after the other, each with what `begin` makes for it, over one wire to one server. */
async function play(scenarios, begin) {
  const wire = new Wire();
  await start();
  await wire.listen();
  for (const [what, scenario] of Object.entries(scenarios)) {
    const began = Date.now();
    try {
      const { subject, end } = await begin(wire);
      await scenario(subject, wire);
      await end();
    } catch (error) {
      console.error(`failed: ${what}`);
      console.error(error);
      await kill();
      process.exit(1);
    }
    wire.delay = 0;
    console.error(`${what}: ${Date.now() - began} ms`);
  }
  await kill();
  console.log("ok");
  process.exit(0);
}
