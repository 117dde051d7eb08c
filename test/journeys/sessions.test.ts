import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixtureCatalog } from "../../cli/lib/project.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { get, type Session, sessionOf, until, untilRefused, urlsOf, viewerOf } from "../cluster/viewer.ts";

/** In seconds. */
const leaseTtl = 6;
/** The asset that is bound to the viewer's network in this test. */
const bound = "vod-single";
const log: string[] = [];
const secrets: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

beforeAll(async () => {
  cluster = await startTestCluster(
    { STAGEDOOR_LEASE_TTL: String(leaseTtl), STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" },
    log,
  );
  const catalog: { assets: { id: string; binding?: object }[] } = JSON.parse(readFileSync(fixtureCatalog, "utf8"));
  for (const asset of catalog.assets) if (asset.id === bound) asset.binding = { network: "prefix" };
  const stored = await cluster.miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await stored.put("catalog", JSON.stringify(catalog));
});

afterAll(() => cluster.stop());

let viewers = 0;
/** A viewer that no other test uses. */
async function viewer(claims: Parameters<typeof viewerOf>[2] = {}, address?: string) {
  const device = await viewerOf(cluster.addresses, `viewer-${++viewers}`, claims, address);
  secrets.push(device.token);
  return device;
}

/** Waits until a segment's URL has expired, so that the response is a redirect. */
async function untilExpired(url: string): Promise<void> {
  await until(
    () => get(url),
    ({ status }) => status === 307,
  );
}

/** Loads a session's URLs and returns them. */
async function playedUrls(opened: Session) {
  const urls = await urlsOf(opened);
  secrets.push(opened.grant, new URL(urls.segment).search.slice(-22));
  const responses = await Promise.all([get(urls.playlist), get(urls.segment)]);
  expect(responses.map(({ status }) => status)).toEqual([200, 200]);
  return urls;
}

describe("the end of a session", () => {
  it("applies to its playlists, its segments and their renewal", async () => {
    const ann = await viewer();
    const session = await ann.start();
    const { manifest, playlist, segment } = await playedUrls(session);
    await untilExpired(segment);
    expect((await ann.end(session)).status).toBe(204);
    await Promise.all([manifest, playlist, segment].map((url) => untilRefused(url, "session_revoked")));
    const renewed = await ann.renew(session);
    expect([renewed.status, renewed.code]).toEqual([403, "session_revoked"]);
    expect((await ann.show(session)).body).toMatchObject({ state: "revoked" });
  });

  it("is refused without the viewer's own bearer token", async () => {
    const [ann, eve] = [await viewer(), await viewer()];
    const session = await ann.start();
    expect([(await eve.end(session)).code, (await eve.renew(session)).code]).toEqual([
      "session_forbidden",
      "session_forbidden",
    ]);
    expect((await ann.end({ ...session, grant: (await ann.start()).grant })).code).toBe("session_unknown");
    expect((await get(session.manifestUrl)).status).toBe(200);
  });

  it("applies to its renewed URLs as well", async () => {
    const ann = await viewer();
    const session = await ann.start();
    // Within the second of the start, the renewed grant would be the same.
    const renewed = await until(
      async () => sessionOf(await ann.renew(session)),
      ({ grant }) => grant !== session.grant,
    );
    expect(renewed.sessionId).toBe(session.sessionId);
    await playedUrls(session);
    await playedUrls(renewed);
    await ann.end(session);
    await untilRefused(renewed.manifestUrl, "session_revoked");
  });
});

// Concurrent: each test has viewers of its own and mostly waits.
describe.concurrent("a limit on concurrent streams", () => {
  it("refuses the second start with 429, and names the first session", async () => {
    const ann = await viewer({ streams: 1 });
    const first = await ann.start();
    const second = await ann.tryStart({ asset: "vod-fmp4" });
    expect([second.status, second.code]).toEqual([429, "stream_limit"]);
    expect(Object(second.body).running).toEqual([
      {
        sessionId: first.sessionId,
        asset: "vod-ts",
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        lastSeenAt: expect.stringMatching(/Z$/),
      },
    ]);
    expect((await ann.end(first)).status).toBe(204);
    expect((await ann.tryStart()).status).toBe(201);
  });

  it("gives way to a takeover: the oldest stream ends with stream_taken", async () => {
    const ann = await viewer({ streams: 1 });
    const old = await ann.start();
    const { manifest, segment } = await playedUrls(old);
    await untilExpired(segment);
    const taker = await ann.start({ takeover: true });
    await Promise.all([manifest, segment].map((url) => untilRefused(url, "stream_taken")));
    expect((await ann.renew(old)).code).toBe("stream_taken");
    await playedUrls(taker);
  });

  it("ignores a stream that has been silent for its lease, and counts one that plays", async () => {
    const [silent, player] = [await viewer({ streams: 1 }), await viewer({ streams: 1 })];
    const { manifestUrl } = await silent.start();
    const { manifest } = await playedUrls(await player.start());
    const both = async () => {
      expect((await get(manifest)).status).toBe(200);
      return silent.tryStart();
    };
    await until(both, ({ status }) => status === 201, 500);
    expect((await player.tryStart()).code).toBe("stream_limit");
    // Its slot now belongs to another session. It can return only when a slot is free.
    expect((await get(manifestUrl)).code).toBe("stream_taken");
  });

  it("is exact under 30 concurrent starts", async () => {
    const ann = await viewer({ streams: 3 });
    const responses = await Promise.all(Array.from({ length: 30 }, () => ann.tryStart()));
    const statuses = responses.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(3).fill(201), ...Array(27).fill(429)]);
  });
});

describe.concurrent("a shared manifest URL", () => {
  it("ends for everyone with the fourth concurrent network, even for a URL that is renewed by redirect", async () => {
    const ann = await viewer();
    const { manifest, segment } = await playedUrls(await ann.start());
    await untilExpired(segment);
    // The viewer's own network is 127.0.0/24.
    const friends = ["192.0.2.1", "2001:db8:1::1"];
    for (const address of friends) expect((await get(manifest, address)).status).toBe(200);
    expect((await get(manifest, "192.0.2.200")).status).toBe(200);
    expect((await get(manifest, "203.0.113.1")).code).toBe("session_shared");
    for (const address of [undefined, ...friends, "203.0.113.1"]) {
      await untilRefused(manifest, "session_shared", address);
      await untilRefused(segment, "session_shared", address);
    }
  });

  it("ends nothing if only a segment's URL is shared, which is refused in further networks", async () => {
    const ann = await viewer();
    const { manifest, segment } = await playedUrls(await ann.start());
    const others = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:2::1", "2001:db8:3::1"];
    const responses = await Promise.all(others.map((address) => get(segment, address)));
    expect(responses.filter(({ code }) => code === "session_shared")).toHaveLength(3);
    for (const url of [manifest, segment]) expect([200, 307]).toContain((await get(url)).status);
    // The viewer moves to another network, and their player loads the manifest URL there.
    expect((await get(manifest, "203.0.114.1")).status).toBe(200);
    expect([200, 307]).toContain((await get(segment, "203.0.114.1")).status);
    expect([200, 307]).toContain((await get(segment)).status);
  });
});

describe("a session that is bound to its network", () => {
  it("plays only in that network", async () => {
    const ann = await viewer({}, "198.51.100.7");
    const { manifestUrl } = await ann.start({ asset: bound });
    expect((await get(manifestUrl, "198.51.100.250")).status).toBe(200);
    for (const address of [undefined, "198.51.101.7", "2001:db8::1"]) {
      const refused = await get(manifestUrl, address);
      expect([refused.status, refused.code]).toEqual([403, "binding_mismatch"]);
    }
  });

  it("serves its segments only in that network", async () => {
    const ann = await viewer({}, "198.51.100.7");
    const { manifestUrl } = await ann.start({ asset: bound });
    const fetchThere = (url: string) => fetch(url, { headers: { "CF-Connecting-IP": "198.51.100.8" } });
    const uriIn = (text: string, base: string) =>
      new URL(text.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "", base).href;
    let segment = manifestUrl;
    while (new URL(segment).pathname.endsWith(".m3u8"))
      segment = uriIn(await (await fetchThere(segment)).text(), segment);
    expect((await fetchThere(segment)).status).toBe(200);
    expect((await get(segment, "203.0.113.9")).code).toBe("binding_mismatch");
  });
});

it("the log contains no token, grant or signature", () => {
  const all = log.join("\n");
  for (const code of ["session_revoked", "session_shared", "stream_taken", "stream_limit", "binding_mismatch"])
    expect(all.includes(code), code).toBe(true);
  expect(secrets.length).toBeGreaterThan(20);
  for (const secret of secrets) expect(all.includes(secret.slice(-22))).toBe(false);
});
