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

const served = (kind: string, outcome = "served") => `stagedoor_served_total{what="${kind}",outcome="${outcome}"}`;
const refused = (worker: string, code: string) => `stagedoor_refused_total{worker="${worker}",code="${code}"}`;

/**
 * Waits until the API and the edge have reported all their counts. It makes a request that no other test makes: an
 * isolate's reports arrive in order, so the earlier counts are there too.
 */
async function allReported(): Promise<void> {
  const before = await values();
  const { apiUrl, mediaUrl } = cluster.addresses;
  const [api, edge] = await Promise.all([
    answerOf(fetch(`${apiUrl}/none`, { method: "POST" })),
    get(`${mediaUrl}/none`),
  ]);
  const series = [refused("api", api.code ?? ""), refused("edge", edge.code ?? "")];
  await until(values, (now) => series.every((one) => (now.get(one) ?? 0) > (before.get(one) ?? 0)));
}

/** How much each series grew while `work` ran. */
async function increases(series: readonly string[], work: () => Promise<unknown>): Promise<readonly number[]> {
  await allReported();
  const before = await values();
  await work();
  await allReported();
  const after = await values();
  return series.map((one) => (after.get(one) ?? 0) - (before.get(one) ?? 0));
}

/** Starts a stream as a viewer that no other test uses. */
async function started(name: string): Promise<{ viewer: Awaited<ReturnType<typeof viewerOf>>; session: Session }> {
  const viewer = await viewerOf(cluster.addresses, name);
  return { viewer, session: await viewer.start() };
}

describe("/metrics", () => {
  it("requires an operator's token with the scope operator:read", async () => {
    const reader = await operatorOf(cluster.addresses, "bob", ["operator:read"]);
    const other = await operatorOf(cluster.addresses, "cat", ["operator:revoke"]);
    const viewer = await viewerOf(cluster.addresses, "viewer", { scope: "stream:play operator:read" });
    const statuses = await Promise.all(
      [reader.token, other.token, viewer.token, undefined].map(async (token) => (await scrape(token)).status),
    );
    expect(statuses).toEqual([200, 403, 401, 401]);
    expect((await fetch(`${cluster.addresses.mediaUrl}/metrics`)).status).not.toBe(200);
  });

  it("is in the Prometheus text format, with a TYPE line per metric, and must not be cached", async () => {
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

  it("counts the work of all workers, once per request", async () => {
    const series = [
      "stagedoor_started_total",
      'stagedoor_validated_total{by="jwt",outcome="accepted"}',
      'stagedoor_validated_total{by="none",outcome="token_invalid"}',
      ...[served("playlist"), served("segment"), served("segment", "renewed")],
      refused("edge", "signature_invalid"),
      refused("api", "token_invalid"),
      refused("api", "asset_unknown"),
    ];
    const counted = await increases(series, async () => {
      const { viewer, session } = await started("dan");
      const { manifest, playlist, segment } = await urlsOf(session);
      // `urlsOf` has loaded the manifest and three playlists already.
      for (const url of [manifest, playlist, segment, segment, segment]) expect((await get(url)).status).toBe(200);
      expect((await get(segment.replace("/0.ts", "/1.ts"))).code).toBe("signature_invalid");
      expect((await get(segment.replace("/0.ts", "/1.ts"))).code).toBe("signature_invalid");
      expect((await viewer.tryStart({ asset: "nothing" })).code).toBe("asset_unknown");
      const wrong = { method: "POST", headers: { Authorization: "Bearer a.b.c" }, body: '{"asset":"vod-ts"}' };
      expect((await fetch(`${cluster.addresses.apiUrl}/stream/start`, wrong)).status).toBe(401);
    });
    expect(Object.fromEntries(series.map((one, index) => [one, counted[index]]))).toEqual({
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

  it("counts cache hits and misses, once per file", async () => {
    const outcomes = ["miss", "hit"].map((outcome) => `stagedoor_cache_total{outcome="${outcome}"}`);
    const { session } = await started("ida");
    const { segment } = await urlsOf(session);
    const once = () => increases(outcomes, async () => expect((await get(segment)).status).toBe(200));
    // The cache is filled after the response.
    const counts = await until(once, (counted) => {
      expect(counted.reduce((sum, count) => sum + count)).toBe(1);
      return counted[1] === 1;
    });
    expect(counts).toEqual([0, 1]);
  });

  it("measures the origin's response time, the rewriting time, and the age of the revocation snapshot", async () => {
    const names = [
      'stagedoor_playlist_seconds_count{from="origin"}',
      'stagedoor_playlist_seconds_count{from="memory"}',
      'stagedoor_origin_seconds_count{outcome="answered"}',
      "stagedoor_snapshot_age_seconds_count",
    ];
    const { session } = await started("eve");
    const { segment } = await urlsOf(session);
    const counted = await increases(names, async () => {
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

  it("counts current sessions: one more after a start, one less after an end", async () => {
    const sessions = ["stagedoor_sessions"];
    let fay: Awaited<ReturnType<typeof started>> | undefined;
    expect(
      await increases(sessions, async () => {
        fay = await started("fay");
        await get(fay.session.manifestUrl);
      }),
    ).toEqual([1]);
    expect(await increases(sessions, async () => fay?.viewer.end(fay.session))).toEqual([-1]);
  });

  it("no longer counts a session after an operator revokes its viewer", async () => {
    const { session } = await started("gus");
    await get(session.manifestUrl);
    const revoked = { subject: { issuer: devIssuer, subject: "gus" } };
    const counted = await increases(["stagedoor_sessions", 'stagedoor_revoked_total{kind="subject"}'], async () => {
      expect((await operator.revoke(revoked)).status).toBe(201);
      await untilRefused(session.manifestUrl, "session_revoked");
    });
    expect(counted).toEqual([-1, 1]);
  });

  it("matches the refusals of the last hour, where the Request-Id names the viewer's refusal", async () => {
    const { session } = await started("hal");
    const { segment } = await urlsOf(session);
    const response = await fetch(segment.replace("/0.ts", "/1.ts"));
    const request = response.headers.get("Request-Id");
    await allReported();
    const refusals = await scrape(operator.token, `/operator/refusals`);
    const text = await refusals.text();
    const { minutes, recent } = JSON.parse(text);
    expect(recent).toContainEqual(expect.objectContaining({ worker: "edge", code: "signature_invalid", request }));
    const counts: number[] = minutes.map(
      (minute: { counts: Record<string, number> }) => minute.counts.signature_invalid ?? 0,
    );
    const total = [...(await values())].filter(([series]) => series.endsWith('code="signature_invalid"}'));
    expect(counts.reduce((sum, count) => sum + count)).toBe(total[0]?.[1]);
    expect(secretsIn(text)).toEqual([]);
  });

  it("names the version, and contains no secret", async () => {
    const text = await (await scrape(operator.token)).text();
    expect(text).toMatch(/^stagedoor_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    const halves = cluster.addresses.keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
    const secrets = halves.filter((half) => typeof half === "string");
    expect(secrets.length).toBeGreaterThan(0);
    expect(secretsIn(text, secrets)).toEqual([]);
  });
});

describe("/health and /ready", () => {
  it.each(["apiUrl", "mediaUrl"] as const)("answer at the root of the host without a credential: %s", async (host) => {
    for (const [path, status] of [
      ["/health", "ok"],
      ["/ready", "ready"],
    ] as const) {
      const url = cluster.addresses[host] + path;
      const response = await fetch(url);
      expect([response.status, await response.json()]).toEqual([200, { status }]);
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
    }
  });
});
