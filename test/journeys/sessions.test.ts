import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixtureCatalog } from "../../cli/lib/project.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { get, type Session, sessionOf, until, untilRefused, urlsOf, viewerOf } from "../cluster/viewer.ts";

/** In seconds. */
const leaseTtl = 6;
/** The asset that binds to the network here. */
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
/** A viewer whom no other test knows. */
async function viewer(claims: Parameters<typeof viewerOf>[2] = {}, address?: string) {
  const made = await viewerOf(cluster.addresses, `viewer-${++viewers}`, claims, address);
  secrets.push(made.token);
  return made;
}

/** Until the time of a segment's URL has run out, so that it is answered with a redirect. */
async function untilExpired(url: string): Promise<void> {
  await until(
    () => get(url),
    ({ status }) => status === 307,
  );
}

/** A session that plays: its URLs have been served. */
async function playing(opened: Session) {
  const urls = await urlsOf(opened);
  secrets.push(opened.grant, new URL(urls.segment).search.slice(-22));
  const answers = await Promise.all([get(urls.playlist), get(urls.segment)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  return urls;
}

describe("the end of a session", () => {
  it("holds for its playlists, its segments and their renewal", async () => {
    const ann = await viewer();
    const session = await ann.start();
    const { manifest, playlist, segment } = await playing(session);
    await untilExpired(segment);
    expect((await ann.end(session)).status).toBe(204);
    await Promise.all([manifest, playlist, segment].map((url) => untilRefused(url, "session_revoked")));
    const renewed = await ann.renew(session);
    expect([renewed.status, renewed.code]).toEqual([403, "session_revoked"]);
    expect((await ann.show(session)).body).toMatchObject({ state: "revoked" });
  });

  it("is not for who sees its URLs: they have no bearer token of the viewer's", async () => {
    const [ann, eve] = [await viewer(), await viewer()];
    const session = await ann.start();
    expect([(await eve.end(session)).code, (await eve.renew(session)).code]).toEqual([
      "session_forbidden",
      "session_forbidden",
    ]);
    expect((await ann.end({ ...session, grant: (await ann.start()).grant })).code).toBe("session_unknown");
    expect((await get(session.manifestUrl)).status).toBe(200);
  });

  it("leaves the renewed URLs of a session that goes on", async () => {
    const ann = await viewer();
    const session = await ann.start();
    // Within the second of the start it would be the same grant.
    const renewed = await until(
      async () => sessionOf(await ann.renew(session)),
      ({ grant }) => grant !== session.grant,
    );
    expect(renewed.sessionId).toBe(session.sessionId);
    await playing(session);
    await playing(renewed);
    await ann.end(session);
    await untilRefused(renewed.manifestUrl, "session_revoked");
  });
});

// At once: each has viewers of its own, and they wait most of their time.
describe.concurrent("a limit on concurrent streams", () => {
  it("refuses the second start with 429, and names the first", async () => {
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

  it("a takeover ends the oldest, and the player that lost hears stream_taken", async () => {
    const ann = await viewer({ streams: 1 });
    const old = await ann.start();
    const { manifest, segment } = await playing(old);
    await untilExpired(segment);
    const taker = await ann.start({ takeover: true });
    await Promise.all([manifest, segment].map((url) => untilRefused(url, "stream_taken")));
    expect((await ann.renew(old)).code).toBe("stream_taken");
    await playing(taker);
  });

  it("counts a stream that is silent for its lease no more; one that plays on it does", async () => {
    const [silent, player] = [await viewer({ streams: 1 }), await viewer({ streams: 1 })];
    const { manifestUrl } = await silent.start();
    const { manifest } = await playing(await player.start());
    const both = async () => {
      expect((await get(manifest)).status).toBe(200);
      return silent.tryStart();
    };
    await until(both, ({ status }) => status === 201, 500);
    expect((await player.tryStart()).code).toBe("stream_limit");
    // Its place is another's now: it comes back where there is one, and not before.
    expect((await get(manifestUrl)).code).toBe("stream_taken");
  });

  it("is not overshot by thirty starts at once", async () => {
    const ann = await viewer({ streams: 3 });
    const answers = await Promise.all(Array.from({ length: 30 }, () => ann.tryStart()));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(3).fill(201), ...Array(27).fill(429)]);
  });
});

describe.concurrent("a link that was passed around", () => {
  it("ends for all who have it with the fourth network at once, also where it is renewed by redirect", async () => {
    const ann = await viewer();
    const { manifest, segment } = await playing(await ann.start());
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

  it("is refused where only a segment's URL is known, and ends nothing", async () => {
    const ann = await viewer();
    const { manifest, segment } = await playing(await ann.start());
    const others = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:2::1", "2001:db8:3::1"];
    const answers = await Promise.all(others.map((address) => get(segment, address)));
    expect(answers.filter(({ code }) => code === "session_shared")).toHaveLength(3);
    for (const url of [manifest, segment]) expect([200, 307]).toContain((await get(url)).status);
    // The viewer goes on in another network, and their player loads the manifest URL again there.
    expect((await get(manifest, "203.0.114.1")).status).toBe(200);
    expect([200, 307]).toContain((await get(segment, "203.0.114.1")).status);
    expect([200, 307]).toContain((await get(segment)).status);
  });
});

describe("a session that is bound to the network", () => {
  it("is played in that network alone", async () => {
    const ann = await viewer({}, "198.51.100.7");
    const { manifestUrl } = await ann.start({ asset: bound });
    expect((await get(manifestUrl, "198.51.100.250")).status).toBe(200);
    for (const address of [undefined, "198.51.101.7", "2001:db8::1"]) {
      const refused = await get(manifestUrl, address);
      expect([refused.status, refused.code]).toEqual([403, "binding_mismatch"]);
    }
  });

  it("plays its segments there, and nowhere else", async () => {
    const ann = await viewer({}, "198.51.100.7");
    const { manifestUrl } = await ann.start({ asset: bound });
    const at = (url: string) => fetch(url, { headers: { "CF-Connecting-IP": "198.51.100.8" } });
    const uriIn = (text: string, base: string) =>
      new URL(text.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "", base).href;
    let segment = manifestUrl;
    while (new URL(segment).pathname.endsWith(".m3u8")) segment = uriIn(await (await at(segment)).text(), segment);
    expect((await at(segment)).status).toBe(200);
    expect((await get(segment, "203.0.113.9")).code).toBe("binding_mismatch");
  });
});

it("the log holds no token, no grant and no signature", () => {
  const all = log.join("\n");
  for (const code of ["session_revoked", "session_shared", "stream_taken", "stream_limit", "binding_mismatch"])
    expect(all.includes(code), code).toBe(true);
  expect(secrets.length).toBeGreaterThan(20);
  for (const secret of secrets) expect(all.includes(secret.slice(-22))).toBe(false);
});
