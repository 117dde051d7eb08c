import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devIssuer } from "../../src/config/configuration.ts";
import { readSeries } from "../../src/metrics/metrics.ts";
import { operatorOf } from "../cluster/operator.ts";
import { secretsIn } from "../cluster/secrets.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { answerOf, get, type Session, until, untilRefused, urlsOf, viewerOf } from "../cluster/viewer.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let operator: Awaited<ReturnType<typeof operatorOf>>;

beforeAll(async () => {
  cluster = await startTestCluster({});
  operator = await operatorOf(cluster.addresses, "ann", ["operator:read", "operator:revoke"]);
});

afterAll(() => cluster.stop());

function scrape(token?: string, path = "/metrics"): Promise<Response> {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return fetch(cluster.addresses.apiUrl + path, { headers });
}

/** Every series with its value, as a scraper reads them. */
async function values(): Promise<ReadonlyMap<string, number>> {
  const text = await (await scrape(operator.token)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

const served = (what: string, outcome = "served") => `stagedoor_served_total{what="${what}",outcome="${outcome}"}`;
const refused = (worker: string, code: string) => `stagedoor_refused_total{worker="${worker}",code="${code}"}`;

/**
 * Waits until the API and the edge have reported all that they counted so far: a request that nothing else here makes is
 * counted last, and an isolate's reports arrive one after the other.
 */
async function allReported(): Promise<void> {
  const before = await values();
  const { apiUrl, mediaUrl } = cluster.addresses;
  const [api, edge] = await Promise.all([
    answerOf(fetch(`${apiUrl}/none`, { method: "POST" })),
    get(`${mediaUrl}/none`),
  ]);
  const marks = [refused("api", api.code ?? ""), refused("edge", edge.code ?? "")];
  await until(values, (now) => marks.every((mark) => (now.get(mark) ?? 0) > (before.get(mark) ?? 0)));
}

/** By how much each of these went up while `work` was done. */
async function risen(series: readonly string[], work: () => Promise<unknown>): Promise<readonly number[]> {
  await allReported();
  const before = await values();
  await work();
  await allReported();
  const after = await values();
  return series.map((one) => (after.get(one) ?? 0) - (before.get(one) ?? 0));
}

/** One start by a viewer of his own. */
async function opened(name: string): Promise<{ viewer: Awaited<ReturnType<typeof viewerOf>>; session: Session }> {
  const viewer = await viewerOf(cluster.addresses, name);
  return { viewer, session: await viewer.start() };
}

describe("/metrics", () => {
  it("is for operators who may look, and for nobody else", async () => {
    const reader = await operatorOf(cluster.addresses, "bob", ["operator:read"]);
    const other = await operatorOf(cluster.addresses, "cat", ["operator:revoke"]);
    const viewer = await viewerOf(cluster.addresses, "viewer", { scope: "stream:play operator:read" });
    const statuses = await Promise.all(
      [reader.token, other.token, viewer.token, undefined].map(async (token) => (await scrape(token)).status),
    );
    expect(statuses).toEqual([200, 403, 401, 401]);
    expect((await fetch(`${cluster.addresses.mediaUrl}/metrics`)).status).not.toBe(200);
  });

  it("is in the text format, each line of a metric that is told of before, and nothing of it is kept", async () => {
    const response = await scrape(operator.token);
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const text = await response.text();
    expect(text.endsWith("\n")).toBe(true);
    const types = new Map<string, string>();
    for (const line of text.split("\n").slice(0, -1)) {
      const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
      if (name !== undefined && type !== undefined) types.set(name, type);
      if (line.startsWith("#")) continue;
      const read = readSeries(line.slice(0, line.lastIndexOf(" ")));
      const family = read?.name.replace(/_(bucket|sum|count)$/, "") ?? "";
      expect([line, types.has(read?.name ?? "") || types.get(family) === "histogram"]).toEqual([line, true]);
      expect(line.slice(line.lastIndexOf(" ") + 1)).toMatch(/^-?\d+(\.\d+)?(e[+-]\d+)?$/);
    }
  });

  it("counts what all workers did, each thing once", async () => {
    const series = [
      "stagedoor_started_total",
      'stagedoor_validated_total{by="jwt",outcome="accepted"}',
      'stagedoor_validated_total{by="none",outcome="token_invalid"}',
      ...[served("playlist"), served("segment"), served("segment", "renewed")],
      refused("edge", "signature_invalid"),
      refused("api", "token_invalid"),
      refused("api", "asset_unknown"),
    ];
    const counted = await risen(series, async () => {
      const { viewer, session } = await opened("dan");
      const { manifest, playlist, segment } = await urlsOf(session);
      // `urlsOf` has asked for the manifest and three playlists already.
      for (const url of [manifest, playlist, segment, segment, segment]) expect((await get(url)).status).toBe(200);
      expect((await get(segment.replace("/0.ts", "/1.ts"))).code).toBe("signature_invalid");
      expect((await get(segment.replace("/0.ts", "/1.ts"))).code).toBe("signature_invalid");
      expect((await viewer.tryStart({ asset: "nothing" })).code).toBe("asset_unknown");
      const wrong = { method: "POST", headers: { Authorization: "Bearer a.b.c" }, body: '{"asset":"vod-ts"}' };
      expect((await fetch(`${cluster.addresses.apiUrl}/stream/start`, wrong)).status).toBe(401);
    });
    expect(Object.fromEntries(series.map((one, place) => [one, counted[place]]))).toEqual({
      stagedoor_started_total: 1,
      'stagedoor_validated_total{by="jwt",outcome="accepted"}': 2,
      'stagedoor_validated_total{by="none",outcome="token_invalid"}': 1,
      [served("playlist")]: 6,
      [served("segment")]: 3,
      [served("segment", "renewed")]: 0,
      [refused("edge", "signature_invalid")]: 2,
      [refused("api", "token_invalid")]: 1,
      [refused("api", "asset_unknown")]: 1,
    });
  });

  it("counts what came from the cache and what did not, each file once", async () => {
    const outcomes = ["miss", "hit"].map((outcome) => `stagedoor_cache_total{outcome="${outcome}"}`);
    const { session } = await opened("ida");
    const { segment } = await urlsOf(session);
    const once = () => risen(outcomes, async () => expect((await get(segment)).status).toBe(200));
    // The cache is filled behind the answer.
    const counts = await until(once, (counted) => {
      expect(counted.reduce((sum, count) => sum + count)).toBe(1);
      return counted[1] === 1;
    });
    expect(counts).toEqual([0, 1]);
  });

  it("measures what the origin and the rewriting took, and how old the knowledge of revocations was", async () => {
    const names = [
      'stagedoor_playlist_seconds_count{from="origin"}',
      'stagedoor_playlist_seconds_count{from="memory"}',
      'stagedoor_origin_seconds_count{outcome="answered"}',
      "stagedoor_snapshot_age_seconds_count",
    ];
    const { session } = await opened("eve");
    const { segment } = await urlsOf(session);
    const counted = await risen(names, async () => {
      await get(session.manifestUrl);
      await get(segment.replace(/\/0\.ts.*/, "/index.m3u8"));
      await get(segment);
    });
    expect(counted[1]).toBe(1);
    expect(counted[3]).toBeGreaterThanOrEqual(2);
    const now = await values();
    expect(now.get(names[0] ?? "")).toBeGreaterThan(0);
    expect(now.get(names[2] ?? "")).toBeGreaterThan(0);
    expect(now.get('stagedoor_origin_seconds_sum{outcome="answered"}')).toBeLessThan(60);
  });

  it("says how many sessions there are now: one more once it has begun, and one less when it was ended", async () => {
    const sessions = ["stagedoor_sessions"];
    let started: Awaited<ReturnType<typeof opened>> | undefined;
    expect(
      await risen(sessions, async () => {
        started = await opened("fay");
        await get(started.session.manifestUrl);
      }),
    ).toEqual([1]);
    expect(await risen(sessions, async () => started?.viewer.end(started.session))).toEqual([-1]);
  });

  it("counts a session no more that an operator has ended, by its viewer's name", async () => {
    const { session } = await opened("gus");
    await get(session.manifestUrl);
    const revoked = { subject: { issuer: devIssuer, subject: "gus" } };
    const counted = await risen(["stagedoor_sessions", 'stagedoor_revoked_total{kind="subject"}'], async () => {
      expect((await operator.revoke(revoked)).status).toBe(201);
      await untilRefused(session.manifestUrl, "session_revoked");
    });
    expect(counted).toEqual([-1, 1]);
  });

  it("leads to the refusals of the hour, where a viewer's Request-Id names his", async () => {
    const { session } = await opened("hal");
    const { segment } = await urlsOf(session);
    const answered = await fetch(segment.replace("/0.ts", "/1.ts"));
    const request = answered.headers.get("Request-Id");
    await allReported();
    const asked = await scrape(operator.token, `/operator/refusals`);
    const text = await asked.text();
    const { minutes, recent } = JSON.parse(text);
    expect(recent).toContainEqual(expect.objectContaining({ worker: "edge", code: "signature_invalid", request }));
    const counts: number[] = minutes.map(
      (minute: { counts: Record<string, number> }) => minute.counts.signature_invalid ?? 0,
    );
    const total = [...(await values())].filter(([series]) => series.endsWith('code="signature_invalid"}'));
    expect(counts.reduce((sum, count) => sum + count)).toBe(total[0]?.[1]);
    expect(secretsIn(text)).toEqual([]);
  });

  it("knows the keys by their names, and holds nothing secret", async () => {
    const text = await (await scrape(operator.token)).text();
    expect(text).toMatch(/^stagedoor_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    const halves = cluster.addresses.keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
    const secrets = halves.filter((half) => typeof half === "string");
    expect(secrets.length).toBeGreaterThan(0);
    expect(secretsIn(text, secrets)).toEqual([]);
  });
});

describe("/health and /ready", () => {
  it.each(["apiUrl", "mediaUrl"] as const)("answer at the root of the host, without a credential: %s", async (host) => {
    for (const [path, status] of [
      ["/health", "ok"],
      ["/ready", "ready"],
    ] as const) {
      const url = cluster.addresses[host] + path;
      const answered = await fetch(url);
      expect([answered.status, await answered.json()]).toEqual([200, { status }]);
      expect(answered.headers.get("Cache-Control")).toBe("no-store");
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
    }
  });
});
