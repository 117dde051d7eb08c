import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { devEnvironment } from "../../../cli/lib/dev-environment.ts";
import { signDevToken } from "../../../cli/lib/dev-keys.ts";
import { after, seconds, systemClock } from "../../../src/base/time.ts";
import { readConfiguration, type WorkerName } from "../../../src/config/configuration.ts";
import { newSessionKey, newTokenKey } from "../../../src/keys/generate.ts";
import { fileOrigin } from "../../../src/platform/node/file-origin.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { type NodeHost, nodeHost } from "../../../src/platform/node/node-host.ts";
import { type NodeStores, sqliteStores } from "../../../src/platform/node/node-stores.ts";
import { type ProbedHost, probeHeader, probeMark } from "../../../src/signing/probe-mark.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { keyOf } from "../../unit/signing/session.ts";

const films = join(import.meta.dirname, "../../../fixtures/media");
const [apiUrl, mediaUrl] = ["http://localhost:8787", "http://localhost:8788"];
const folder = mkdtempSync(join(tmpdir(), "probes-"));
const ring = { keys: [newSessionKey("one", randomBytes), await newTokenKey("dev-issuer")] };
const keys = await prepareSessionKeys(ring, oneShotHmac);
afterAll(() => rmSync(folder, { recursive: true }));

/** A service of its own, and what it counted when it was closed. */
async function served(name: string, work: (host: NodeHost, stores: NodeStores) => Promise<void>) {
  const [api, manifest, edge] = (["api", "manifest", "edge"] as const).map((worker: WorkerName) => {
    const read = readConfiguration({ ...devEnvironment(worker, ring, mediaUrl, {}), STAGEDOOR_API_URL: apiUrl });
    if (!read.ok) throw new Error(read.refusal.join("\n"));
    return read.value;
  });
  if (!api || !manifest || !edge) throw new Error("three services");
  const open = () => sqliteStores(join(folder, `${name}.sqlite`), { leaseTtl: edge.leaseTtl });
  const stores = open();
  const film = { id: "film", origin: { type: "file", root: "films", path: "vod-ts/" }, entry: "index.m3u8" };
  await stores.catalog.save(JSON.stringify({ version: 1, assets: [film] }));
  const written: string[] = [];
  const host = await nodeHost({
    ...{ role: "all", configurations: { api, manifest, edge }, stores, accounts: undefined, roots: ["films"] },
    ...{ origin: fileOrigin(new Map([["films", films]])), fetch, log: (line) => written.push(line) },
  });
  if (!host.ok) throw new Error(host.refusal.join("\n"));
  await work(host.value, stores);
  await host.value.close();
  const { gathered, close } = open();
  const counts = (await gathered.counts()).filter(([series, value]) => value > 0 && /_total|_sessions/.test(series));
  const { recent } = await gathered.refusals();
  await close();
  const ofViewers = counts.filter(([series]) => !/reports_total/.test(series));
  return { counts: Object.fromEntries(ofViewers), recent, written };
}

type MarkOf = (host: ProbedHost) => string | undefined;
const probe: MarkOf = (of) => probeMark(keyOf(keys, "one"), of, systemClock());
const stranger = await prepareSessionKeys({ keys: [newSessionKey("one", randomBytes)] }, oneShotHmac);

/** Plays a film up to a segment, then asks both hosts for what they refuse. */
async function play(host: NodeHost, markOf: MarkOf): Promise<readonly number[]> {
  const statuses: number[] = [];
  const send = async (of: ProbedHost, url: string, init: RequestInit = {}) => {
    const answer = host[of];
    if (answer === undefined) throw new Error(`no ${of}`);
    const headers = new Headers(init.headers);
    const mark = markOf(of);
    if (mark !== undefined) headers.set(probeHeader, mark);
    const { pathname, search } = new URL(url);
    const response = await answer(new Request(url, { ...init, headers }), host.waitUntil, pathname + search);
    statuses.push(response.status);
    return response.text();
  };
  const start = async (token: string) =>
    send("api", `${apiUrl}/stream/start`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ asset: "film" }),
    });
  const token = await signDevToken(ring, { subject: "alice", assets: "*", lifetimeSeconds: 120 });
  let url: string = JSON.parse(await start(token)).manifestUrl;
  for (const _ of ["the multivariant playlist", "a media playlist"]) {
    const text = await send("media", url);
    url = new URL(text.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "", url).href;
  }
  await send("media", url);
  await send("media", `${mediaUrl}/film/index.m3u8`);
  await start("a.b.c");
  return statuses;
}

it("a request that the ring's key marked is answered like any other, and counted nowhere", async () => {
  let statuses: readonly number[] = [];
  const { counts, recent, written } = await served("marked", async (host) => {
    statuses = await play(host, probe);
  });
  expect(statuses).toEqual([201, 200, 200, 200, 403, 401]);
  expect([counts, recent]).toEqual([{}, []]);
  const refused = written.filter((line) => line.includes('"refused"'));
  expect(refused).toHaveLength(2);
  for (const line of refused) expect(JSON.parse(line)).toMatchObject({ probe: true, event: "refused" });
});

it.each<readonly [string, MarkOf]>([
  ["no mark", () => undefined],
  ["a mark of another deployment", (of) => probeMark(keyOf(stranger, "one"), of, systemClock())],
  ["the mark of the other host", (of) => probe(of === "api" ? "media" : "api")],
])("a request with %s is counted, and so are its refusals", async (name, markOf) => {
  const { counts, recent, written } = await served(name, async (host) => void (await play(host, markOf)));
  expect(counts).toMatchObject({
    stagedoor_sessions: 1,
    stagedoor_started_total: 1,
    'stagedoor_served_total{what="segment",outcome="served"}': 1,
    'stagedoor_served_total{what="playlist",outcome="served"}': 2,
  });
  expect(recent).toHaveLength(2);
  expect(written.join("\n")).not.toContain('"probe"');
});

it("a mark of a revoked key hides nothing, so a stranger with a leaked key is counted", async () => {
  const { recent } = await served("revoked", async ({ media, waitUntil }, { revocations }) => {
    const at = systemClock();
    const until = after(at, seconds(60));
    await revocations.append([{ kind: "key", value: "one", cause: "revoked", at, until }], "operator");
    const request = new Request(`${mediaUrl}/film/index.m3u8`, { headers: { [probeHeader]: probe("media") ?? "" } });
    await media?.(request, waitUntil, "/film/index.m3u8");
  });
  expect(recent).toHaveLength(1);
});
