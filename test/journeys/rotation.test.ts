import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newDevKeys, signDevToken } from "../../cli/lib/dev-keys.ts";
import { seconds, systemClock, type UnixSeconds, unixSeconds } from "../../src/base/time.ts";
import { newCloudFrontKey, newSessionKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { activated, introduced, nextStep, retired } from "../../src/keys/rotation.ts";
import { manifestRing, type RotatingCluster, startRotatingCluster } from "../cluster/rotating-cluster.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";

const session = seconds(6);
const headStart = seconds(3);
/** The pace of the viewers and of the rotation. No test expects anything at the end of a wait. */
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** In milliseconds. With whole seconds, a step may come a second earlier than by the wall clock. */
const second = 1000;

let stages: readonly (readonly RingKey[])[];
let fresh: readonly RingKey[];
let cluster: RotatingCluster;

beforeAll(async () => {
  const [sessionKey, cloudFrontKey, , ...others] = await newDevKeys();
  if (sessionKey === undefined || cloudFrontKey === undefined) throw new Error("no keys");
  fresh = [newSessionKey("dev-session-2", randomBytes), await newCloudFrontKey("dev-cloudfront-2", "ec")];
  const first = [sessionKey, cloudFrontKey, ...others];
  stages = [first, ...[0, 1, 2].map((count) => keysAfter(first, count + 1, unixSeconds(0)))];
  cluster = await startRotatingCluster(
    stages.map((keys) => ({ keys })),
    { STAGEDOOR_SESSION_TTL: String(session), STAGEDOOR_EXPIRY_STEP: "1" },
  );
  const catalog = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put(
    "catalog",
    JSON.stringify({ version: 1, assets: [film("vod-ts", {}), film("vod-cloudfront", cloud)] }),
  );
}, 120_000);
afterAll(() => cluster.stop());

const cloud = { cdn: "cloudfront-signed", cloudfront: { hash: "SHA256" } };
const film = (id: string, more: object) => ({
  id,
  origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
  entry: "index.m3u8",
  ...more,
});

/** The keys after this many steps of both purposes, without the waits between the steps. */
function keysAfter(first: readonly RingKey[], count: number, now: UnixSeconds): readonly RingKey[] {
  let keys = first;
  for (const purpose of ["session", "cloudfront"] as const) {
    const before = keys.find((key) => key.purpose === purpose)?.kid ?? "";
    const key = fresh.find((other) => other.purpose === purpose);
    if (key === undefined) throw new Error("no key");
    keys = introduced(keys, key, purpose, now);
    if (count > 1) keys = activated(keys, key.kid, purpose, now);
    if (count > 2) keys = retired(keys, before, purpose, now);
  }
  return keys.filter(({ state }) => state !== "retired");
}

/** The ring that each kind of worker answers with. It is read again for each request. */
interface RingChoice {
  readonly api: () => number;
  readonly manifest: () => number;
  readonly edge: () => number;
}

interface ViewerRecord {
  readonly asset: string;
  requests: number;
  readonly refused: string[];
  readonly kids: Set<string>;
}

const newRecord = (asset: string): ViewerRecord => ({ asset, requests: 0, refused: [], kids: new Set() });

/**
 * Plays session after session until `stop` returns true, with requests for as long as each session lasts. `oldest` is
 * the oldest ring that an isolate may still have.
 */
async function watch(record: ViewerRecord, ringOf: RingChoice, stop: () => boolean, oldest = () => 0): Promise<void> {
  let ends = Infinity;
  const send = async (worker: "api" | "edge", path: string, init: RequestInit, used = [ringOf[worker]()]) => {
    const [ring = 0] = used;
    const response = await cluster.send(worker, ring, path, init);
    record.requests++;
    const text = await response.text();
    // On a busy machine a response may come after the session's expiry, or from a ring that no isolate has any more.
    if (response.status < 400) return text;
    if (Date.now() < ends && Math.min(...used) >= oldest())
      record.refused.push(`${worker} ${ring}: ${response.status} ${text.slice(0, 200)}`);
    return "";
  };
  const load = (url: string) => {
    const { pathname, search } = new URL(url);
    const used = [ringOf.edge(), ringOf.manifest()];
    return send("edge", pathname + search, { headers: { [manifestRing]: String(used[1]) } }, used);
  };
  while (!stop()) {
    const token = await signDevToken(
      { keys: stages[0] ?? [] },
      { subject: crypto.randomUUID(), assets: "*", lifetimeSeconds: 900 },
    );
    const bearer = { Authorization: `Bearer ${token}` };
    ends = Infinity;
    const body = JSON.stringify({ asset: record.asset });
    const response = await send("api", "/stream/start", { method: "POST", headers: bearer, body });
    const started = Object(response === "" ? {} : JSON.parse(response));
    const { manifestUrl, sessionId, grant, sessionExpiresAt } = started;
    await wait(100);
    if (typeof manifestUrl !== "string") continue;
    ends = Date.parse(sessionExpiresAt);
    const playlist = urisOf(await load(manifestUrl), manifestUrl).find(({ kind }) => kind === "playlist")?.url;
    if (playlist === undefined) continue;
    const files = urisOf(await load(playlist), playlist).filter(({ kind }) => kind === "file");
    for (const { url } of files) record.kids.add(new URL(url).searchParams.get("Key-Pair-Id") ?? "edge");
    // The first URLs are the oldest. They are requested repeatedly until the session expires.
    for (let i = 0; Date.now() < ends - second && files.length > 0; i++) {
      await load(files[i % files.length]?.url ?? "");
      if (i % 5 === 0) await load(playlist);
      if (i % 7 === 0)
        await send("api", `/stream/${sessionId}`, { headers: { ...bearer, "CTA-Common-Access-Token": grant } });
      await wait(25);
    }
  }
}

const fourViewers = () => ["vod-ts", "vod-ts", "vod-cloudfront", "vod-cloudfront"].map(newRecord);

describe("a rotation of session and CloudFront keys under load", () => {
  it("refuses no request, in whatever order the workers get each ring", async () => {
    /** When each ring was deployed, in milliseconds. */
    const deployedAt: number[] = [Date.now()];
    const newest = () => deployedAt.length - 1;
    /** The oldest ring that an isolate may still run with: its successor came out within the head start. */
    const oldest = () =>
      deployedAt.findIndex((_, i) => (deployedAt[i + 1] ?? Infinity) > Date.now() - headStart * 1000 + second);
    const any = () => oldest() + Math.floor(Math.random() * (newest() - oldest() + 1));
    let over = false;
    const stop = () => over;
    const choices: readonly RingChoice[] = [
      { api: newest, manifest: newest, edge: oldest },
      { api: oldest, manifest: newest, edge: newest },
      { api: newest, manifest: oldest, edge: newest },
      { api: oldest, manifest: oldest, edge: newest },
      { api: any, manifest: any, edge: any },
    ];
    const records = choices.map(fourViewers);
    const viewers = choices.flatMap(
      (choice, i) => records[i]?.map((record) => watch(record, choice, stop, oldest)) ?? [],
    );
    /** Waits until each CloudFront viewer has URLs of this key, and each other viewer has URLs of the edge. */
    const untilServed = (kid: string) =>
      until(
        () => records.flat(),
        (all) => all.every(({ asset, kids }) => kids.has(asset === "vod-ts" ? "edge" : kid)),
      );
    await untilServed("dev-cloudfront-rsa");
    const steps: string[] = [];
    let keys = stages[0] ?? [];
    while (steps.length < 3) {
      const now = systemClock();
      const step = nextStep("session", keys, { now, headStart, longest: session });
      if (step.step === "introduce" || now >= step.from) {
        const key = fresh.find(({ purpose }) => purpose === "session");
        if (step.step === "introduce" && key !== undefined) keys = introduced(keys, key, "session", now);
        if (step.step === "activate") keys = activated(keys, step.kid, "session", now);
        if (step.step === "retire") keys = retired(keys, step.kid, "session", now);
        steps.push(step.step);
        deployedAt.push(Date.now());
      }
      await wait(100);
    }
    // Until the slowest isolates have the last ring, and sessions that began with it play.
    await wait(headStart * 1000 + 1000);
    await untilServed("dev-cloudfront-2");
    over = true;
    await Promise.all(viewers);
    expect(steps).toEqual(["introduce", "activate", "retire"]);
    expect(records.flat().flatMap(({ refused }) => refused)).toEqual([]);
    expect(records.flat().reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(200);
    const kids = new Set(records.flat().map((record) => [...record.kids].sort().join(" ")));
    expect([...kids].sort()).toEqual(["dev-cloudfront-2 dev-cloudfront-rsa", "edge"]);
  });

  it.each<[string, RingChoice]>([
    ["session key is activated before the edge has it", { api: () => 2, manifest: () => 2, edge: () => 0 }],
    ["CloudFront key is activated before the edge has it", { api: () => 0, manifest: () => 2, edge: () => 0 }],
    ["key is retired while the API still signs with it", { api: () => 1, manifest: () => 3, edge: () => 3 }],
  ])("would refuse viewers if a %s", async (_, rings) => {
    // Each viewer starts one session and plays it to its end.
    let sessions = 0;
    const records = fourViewers();
    await Promise.all(records.map((record) => watch(record, rings, () => ++sessions > records.length)));
    expect(records.flatMap(({ refused }) => refused)).not.toEqual([]);
  });
});
