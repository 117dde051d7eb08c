import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { type ReadinessCheck, readiness, readyResponse } from "../../../src/http/health.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { memoryStreams } from "../../support/memory-stores.ts";
import { api, brokenCatalog } from "../api/start.ts";
import { now } from "../signing/session.ts";

const waitUntil = () => undefined;

function stage(checks: Readonly<Record<string, ReadinessCheck>>) {
  const state: { now: UnixSeconds } = { now };
  const rings: (() => void)[] = [];
  /** Timers of requests that poll. */
  const polls: (() => void)[] = [];
  const ready = readiness({
    checks,
    clock: () => state.now,
    timer: (length, ring) => {
      if (length < 2) polls.push(ring);
      else rings.push(ring);
      return () => undefined;
    },
  });
  return { state, rings, polls, ready, request: (method = "GET") => readyResponse(method, ready, waitUntil) };
}

describe("/ready", () => {
  it("is 503 and names the checks that return false, throw, reject, or take longer than two seconds", async () => {
    const { request, rings } = stage({
      healthy: async () => true,
      refusing: async () => false,
      failing: () => Promise.reject(new Error("MARKED")),
      throwing: () => {
        throw new Error("MARKED");
      },
      silent: () => new Promise(() => undefined),
    });
    const pending = request();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ring of rings) ring();
    const response = await pending;
    expect([response.status, await response.json()]).toEqual([
      503,
      {
        status: "not ready",
        parts: Object.fromEntries(
          ["refusing", "failing", "throwing", "silent"].map((name) => [name, "does not answer"]),
        ),
      },
    ]);
  });

  it("runs the checks at most every two seconds", async () => {
    let calls = 0;
    let healthy = true;
    const { state, request } = stage({
      store: async () => {
        calls++;
        return healthy;
      },
    });
    expect([(await request()).status, (await request()).status, calls]).toEqual([200, 200, 1]);
    healthy = false;
    state.now = unixSeconds(now + 1);
    expect([(await request()).status, calls]).toEqual([200, 1]);
    state.now = unixSeconds(now + 2);
    expect([(await request()).status, calls]).toEqual([503, 2]);
  });

  it("runs the checks once for concurrent requests: the first ones of an isolate wait, later ones use the last result", async () => {
    const resolvers: ((healthy: boolean) => void)[] = [];
    const { state, polls, request } = stage({ store: () => new Promise((resolve) => void resolvers.push(resolve)) });
    const soon = () => new Promise((resolve) => setTimeout(resolve, 0));
    const first = [request(), request(), request()];
    await soon();
    expect([resolvers.length, polls.length]).toEqual([1, 2]);
    resolvers[0]?.(true);
    await soon();
    for (const ring of polls.splice(0)) ring();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200]);
    state.now = unixSeconds(now + 2);
    const running = request();
    expect([(await request()).status, (await request()).status, resolvers.length]).toEqual([200, 200, 2]);
    resolvers[1]?.(false);
    expect([(await running).status, (await request()).status, resolvers.length]).toEqual([503, 503, 2]);
  });

  it("runs the checks again if the request that ran them was aborted", async () => {
    let calls = 0;
    const { state, request } = stage({
      store: () => (calls++ === 0 ? new Promise(() => undefined) : Promise.resolve(true)),
    });
    void request();
    state.now = unixSeconds(now + 3);
    expect([(await request()).status, calls]).toEqual([200, 2]);
  });

  it("has no body for HEAD and the same status", async () => {
    const response = await stage({ store: async () => false }).request("HEAD");
    expect([response.status, await response.text()]).toEqual([503, ""]);
  });
});

describe("the API", () => {
  const jwks = (status: number) => ({ identity: async () => new Response("{}", { status }) });

  it.each(["/", "/api/v1"])("serves /health and /ready at the root if the base path is %s", async (basePath) => {
    const { send } = await api({}, basePath);
    for (const [path, status] of [
      ["/health", "ok"],
      ["/ready", "ready"],
    ] as const) {
      const response = await send(path);
      expect([response.status, await response.json()]).toEqual([200, { status }]);
      expect(response.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  it("is healthy but not ready if a store is down", async () => {
    const revocations = {
      atHand: () => undefined,
      current: brokenCatalog,
      fresh: brokenCatalog,
      catchUp: async () => undefined,
    };
    const { send } = await api({ catalog: brokenCatalog, revocations });
    expect((await send("/health")).status).toBe(200);
    const response = await send("/ready");
    const text = await response.text();
    expect([response.status, Object.keys(JSON.parse(text).parts)]).toEqual([503, ["revocations", "catalog"]]);
    expect(text).not.toContain("MARKED");
  });

  it("checks the streams and the limits without writing to them", async () => {
    const reads: unknown[] = [];
    const streams: SessionContext["streams"] = (subject) => ({
      ...memoryStreams().streamsOf(subject),
      show: async (session) => void reads.push(subject, session),
    });
    const healthy = await api({ streams }, "/", { readinessChecks: { limits: async () => true } });
    expect((await healthy.send("/ready")).status).toBe(200);
    expect(reads).toEqual(["ready", "ready"]);
    const down: SessionContext["streams"] = () => ({
      ...memoryStreams().streamsOf("a"),
      show: () => Promise.reject(new Error("MARKED")),
    });
    const broken = await api({ streams: down }, "/", {
      readinessChecks: { limits: () => Promise.reject(new Error("MARKED")) },
    });
    expect(Object.keys(Object(await (await broken.send("/ready")).json()).parts)).toEqual(["streams", "limits"]);
  });

  it.each(["/health", "/ready", "/openapi.json"])("accepts only GET, HEAD and OPTIONS at %s", async (path) => {
    const { send } = await api({}, "/api/v1");
    const refused = await send(path, { method: "POST" });
    expect([refused.status, refused.headers.get("Allow")]).toEqual([405, "GET, OPTIONS"]);
    expect((await send(path, { method: "PUT" })).status).toBe(405);
    expect((await send(path, { method: "OPTIONS" })).status).toBe(204);
    expect((await send(path, { method: "HEAD" })).status).toBe(200);
  });

  it("checks the identity worker if one is bound", async () => {
    const requests: string[] = [];
    const identity = async ({ url }: Request) => {
      requests.push(url);
      return new Response("{}");
    };
    expect((await (await api({}, "/", { identity })).send("/ready")).status).toBe(200);
    expect(requests).toEqual(["https://api.example/api/auth/jwks"]);
    const response = await (await api({}, "/", jwks(503))).send("/ready");
    expect(await response.json()).toEqual({ status: "not ready", parts: { identity: "does not answer" } });
  });
});
