import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { type Clock, systemClock } from "../../../src/base/time.ts";
import { ringFor } from "../../../src/config/configuration.ts";
import { fingerprintOf } from "../../../src/keys/key-material.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, parseKeyRing } from "../../../src/keys/ring.ts";
import { folder } from "./command-line.ts";

const clock: Clock = systemClock;
const hour = 3600;
let place = "";
let ring = "";
let api = "";
/** The keys that the API has, and its catalog. */
let deployed: KeyRing = { keys: [] };
let assets: readonly object[] = [];

async function respond(path: string): Promise<object> {
  if (path === "/operator/assets") return { assets, faults: [] };
  const keys = deployed.keys.map(async (key) => {
    const { kid } = key;
    return { kid, state: keyStateOf(key, deployed.keys, clock()), fingerprint: await fingerprintOf(key) };
  });
  return { at: "", longestSessionSeconds: 6 * hour, keys: await Promise.all(keys) };
}

const server: Server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
  const known = request.headers.authorization === "Bearer MARKED";
  const body = known ? await respond(request.url ?? "") : { code: "token_invalid" };
  response.writeHead(known ? 200 : 401, { "Content-Type": "application/json" }).end(JSON.stringify(body));
});

beforeAll(async () => {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  api = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => void server.close());

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2027, 0, 1) });
  place = folder();
  ring = join(place, "keys.json");
  writeFileSync(join(place, "ann.jwt"), "MARKED\n");
  assets = [];
  return () => vi.useRealTimers();
});

const pass = (length: number) => vi.setSystemTime(Date.now() + length * 1000);

async function run(...words: readonly string[]) {
  const outcome = await dispatch([...words, "--ring", ring]);
  if (outcome.exit === 2) return { exit: 2, text: "", json: Object({}), note: outcome.message };
  return { ...outcome, json: Object(outcome.json), note: outcome.note ?? "" };
}
const rotate = (...more: string[]) => run("keys", "rotate", "--api", api, "--bearer", join(place, "ann.jwt"), ...more);

/** Deploys the ring's keys to the API, as `npm run deploy -- --secrets-only` does. */
function deploy(): void {
  const parsed = parseKeyRing(JSON.parse(readFileSync(ring, "utf8")));
  if (!parsed.ok) throw new Error(parsed.refusal.join());
  deployed = ringFor("api", parsed.value);
}

const film = (keyPairId?: string) => ({
  id: "film",
  origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
  entry: "index.m3u8",
  scope: "asset",
  cdn: "cloudfront-signed",
  cloudfront: { keyPairId },
});

describe("keys rotate with the API of a deployment", () => {
  beforeEach(async () => {
    await run("keys", "new", "--purpose", "session", "--kid", "s1");
    deploy();
  });

  it("continues only once the workers have the current keys, and counts the wait from then", async () => {
    await rotate("--kid", "s2");
    pass(2 * hour);
    const missing = await rotate();
    expect(missing).toMatchObject({ exit: 1, note: expect.stringContaining("does not have s2") });
    expect(missing.json.waits.from).toBe(clock() + hour);
    expect(missing.note).toContain("npm run deploy -- --env production");
    deploy();
    expect((await rotate()).note).toContain("Too early");
    pass(hour);
    expect((await rotate()).json).toMatchObject({ step: "activate", kid: "s2" });

    // The API still signs with s1. Retiring s1 now would break sessions that started a moment ago.
    pass(8 * hour);
    expect((await rotate()).note).toContain("s1 is still active");
    deploy();
    expect((await rotate()).note).toContain("Too early");
    // The API's longest session is six hours.
    pass(7 * hour - 1);
    expect((await rotate()).exit).toBe(1);
    pass(1);
    expect((await rotate()).json).toMatchObject({ step: "retire", kid: "s1" });
  });

  it("does not accept another key with the same kid", async () => {
    await rotate("--kid", "s2");
    deploy();
    deployed = {
      keys: deployed.keys.map((key) => (key.purpose === "session" ? { ...key, k: "B".repeat(42).concat("A") } : key)),
    };
    pass(hour);
    expect((await rotate()).note).toContain("another key with the kid s2");
  });

  it("changes nothing if the API refuses the token, or two catalogs are named", async () => {
    const before = readFileSync(ring, "utf8");
    writeFileSync(join(place, "ann.jwt"), "OTHER");
    expect(await rotate()).toMatchObject({ exit: 1, note: expect.stringContaining("401") });
    expect(await rotate("--catalog", "catalog.json")).toMatchObject({ exit: 2 });
    expect(readFileSync(ring, "utf8")).toBe(before);
  });

  it("needs no catalog file for CloudFront keys", async () => {
    const cloudfront = (...more: string[]) => rotate("--purpose", "cloudfront", ...more);
    for (const [kid, id] of [
      ["a", "K1AAAAAAAAAAAA"],
      ["b", "K2BBBBBBBBBBBB"],
    ] as const) {
      await run("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", kid);
      await run("keys", "bind", "--kid", kid, "--id", id);
    }
    deploy();
    pass(hour);
    assets = [film("K1AAAAAAAAAAAA")];
    expect((await cloudfront()).note).toContain("The catalog names K1AAAAAAAAAAAA for film");
    assets = [film()];
    expect((await cloudfront()).json).toMatchObject({ step: "activate", kid: "K2BBBBBBBBBBBB" });
  });
});

describe("assets list of a deployment", () => {
  it("prints a document that --catalog accepts", async () => {
    assets = [film("K1AAAAAAAAAAAA")];
    const { json } = await run("assets", "list", "--api", api, "--bearer", join(place, "ann.jwt"));
    const file = join(place, "catalog.json");
    writeFileSync(file, JSON.stringify(json));
    expect(await run("assets", "check", "--catalog", file)).toMatchObject({ exit: 0 });
    expect(Object((await run("assets", "list", "--catalog", file)).json)).toEqual(json);
  });
});
