import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventOf, loadFunction } from "../cli/cloudfront/emulator.ts";
import { EmulatedStore } from "../cli/cloudfront/key-value-store.ts";
import { functionScript } from "../cli/lib/function-script.ts";
import { after, seconds, unixSeconds } from "../src/base/time.ts";
import { packedEntry } from "../src/cloudfront/store-entries.ts";
import { newSessionKey } from "../src/keys/generate.ts";
import { mediaPlaylist, sharedAsset } from "./manifest.ts";
import { measureInTurn, ownCpu, type Rounds, type Timed } from "./measure.ts";
import { grantIssuer, viewers } from "./viewers.ts";

const now = unixSeconds(1_795_000_000);
const address = "192.0.2.7";

/** What a function does with a request; `empty` is a function that returns its request as it is. */
export type FunctionOutcome = "empty" | "served" | "renewed" | "forwarded" | "refused";

interface Prepared {
  readonly script: string;
  readonly store: string;
  readonly target: Readonly<Record<FunctionOutcome, string>>;
}

const emptyScript = "async function handler(event){return event.request}";

/** A script is as a deployment has it, with one key. The URL of `renewed` expired a minute ago. */
async function prepare(): Promise<Prepared> {
  const key = newSessionKey("cloudfront-2026", randomBytes);
  const targetAt = async (clock: () => typeof now) => viewers({ keys: [key] }, clock);
  const [current, earlier] = [await targetAt(() => now), await targetAt(() => unixSeconds(now - 21_660))];
  const file = { purpose: "segment", asset: sharedAsset, file: "720p/seg-00001.ts" } as const;
  const [path = "", query = ""] = current(0, file).split("?");
  const expired = earlier(0, file).split("?")[1] ?? "";
  const renewal = { lifetime: 300, step: 30 };
  const settings = { issuer: grantIssuer, manifestOrigin: "manifest", renewal };
  const script = await functionScript({ ...settings, storeFailure: "refuse" });
  const packed = packedEntry({ keys: [key], revocations: [], until: after(now, seconds(600)), renewal: "function" });
  if (!script.ok || !packed.ok) throw new Error("the function or its packed entry is refused");
  return {
    script: script.value,
    store: packed.value,
    target: {
      empty: `${path}?${query}`,
      served: `${path}?${query}`,
      renewed: `${path}?${expired}`,
      forwarded: current(0, { purpose: "playlist", asset: sharedAsset, file: mediaPlaylist }),
      refused: `${path}?${query.slice(0, -1)}${query.endsWith("A") ? "B" : "A"}`,
    },
  };
}

/** The bytes of the script. */
export async function functionBytes(): Promise<number> {
  return Buffer.byteLength((await prepare()).script);
}

/** CPU microseconds per request in V8, in a context with what CloudFront has. */
export async function functionInNode(): Promise<(outcome: FunctionOutcome) => Rounds> {
  const { script, store: packed, target } = await prepare();
  const clock = () => now * 1000;
  const store = new EmulatedStore(clock);
  store.update({ puts: [{ key: "c", value: packed }] }, store.describe().etag);
  const timedFor = (outcome: FunctionOutcome): Timed => {
    const run = loadFunction({ script: outcome === "empty" ? emptyScript : script, store, clock }, () => undefined);
    const count = outcome === "empty" ? 50_000 : 2000;
    return async () => {
      const request = {
        method: "GET",
        target: target[outcome],
        headers: [["User-Agent", "Player/1.0"]] as const,
        address,
      };
      const events = Array.from({ length: count }, () => eventOf(request, undefined));
      const start = ownCpu();
      for (const event of events) await run(event);
      return (ownCpu() - start) / count;
    };
  };
  return measureInTurn(perOutcome(timedFor), 7);
}

/** The same in njs, whose interpreter is the nearest to CloudFront's; undefined if it is not installed. */
export async function functionInNjs(): Promise<((outcome: FunctionOutcome) => Rounds) | undefined> {
  if (spawnSync("njs", ["-v"]).status !== 0) return undefined;
  const { script, store, target } = await prepare();
  const folder = mkdtempSync(join(tmpdir(), "function-bench-"));
  try {
    writeFileSync(
      join(folder, "cloudfront"),
      `const packed = ${JSON.stringify(store)};
export default {
  kvs: () => ({ get: () => Promise.resolve(packed), exists: () => Promise.resolve(false) }),
  selectRequestOriginById: (id) => { globalThis.origin = id; },
};`,
    );
    const timedFor = (outcome: FunctionOutcome): Timed => {
      const count = outcome === "empty" ? 20_000 : 300;
      const file = join(folder, `${outcome}.js`);
      writeFileSync(file, `${outcome === "empty" ? emptyScript : script}${loop(outcome, target[outcome], count)}`);
      return async () => {
        const run = spawnSync("njs", ["-p", folder, file], { encoding: "utf8" });
        const microseconds = Number(run.stdout);
        if (!(microseconds > 0)) throw new Error(`njs ${outcome}: ${run.stdout}${run.stderr}`);
        return microseconds / count;
      };
    };
    return await measureInTurn(perOutcome(timedFor), 5);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function perOutcome(timedFor: (outcome: FunctionOutcome) => Timed): Readonly<Record<FunctionOutcome, Timed>> {
  return {
    empty: timedFor("empty"),
    served: timedFor("served"),
    renewed: timedFor("renewed"),
    forwarded: timedFor("forwarded"),
    refused: timedFor("refused"),
  };
}

/** Handles the request `count` times, one after the other, and prints the CPU microseconds that it took. */
function loop(outcome: FunctionOutcome, target: string, count: number): string {
  const mark = target.indexOf("?");
  return `
const fs = require("fs");
const cpu = () => Number(String(fs.readFileSync("/proc/self/schedstat")).split(" ")[0]) / 1000;
const outcomeOf = (result, origin) =>
  result.statusCode === 307 ? "renewed" : result.statusCode ? "refused" : origin ? "forwarded"
  : result.uri.length < 60 ? "served" : "empty";
Date.now = () => ${now * 1000};
const query = ${JSON.stringify(target.slice(mark + 1))};
const event = () => ({ viewer: { ip: "${address}" }, request: {
  method: "GET", uri: ${JSON.stringify(target.slice(0, mark))}, querystring: {}, cookies: {},
  headers: { "user-agent": { value: "Player/1.0" } }, rawQueryString: () => query,
} });
const start = cpu();
let left = ${count};
function next() {
  handler(event()).then((result) => {
    if (outcomeOf(result, globalThis.origin) !== "${outcome}") throw new Error(JSON.stringify(result));
    if (--left > 0) next();
    else console.log(cpu() - start);
  });
}
next();
`;
}
