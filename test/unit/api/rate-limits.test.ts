import { describe, expect, it } from "vitest";
import { type QuotaStatus, rememberSpent } from "../../../src/auth/rate-limit.ts";
import { type Seconds, seconds } from "../../../src/base/time.ts";
import { withRateLimitFields } from "../../../src/http/problem-response.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { memoryLimits, memoryTelemetry } from "../../support/memory-stores.ts";
import { identityToken, identityWith, signedIn } from "../auth/sources.ts";
import { newPair, token } from "../auth/tokens.ts";
import { api, sessionContext, start } from "./start.ts";

const anHour: Seconds = seconds(3600);
const bySubject = { name: "start-subject", quota: 2, window: anHour };
const byAddress = { name: "start-address", quota: 3, window: anHour };
const broken = rememberSpent({ take: () => Promise.reject(new Error("MARKED")) });

/** An identity worker with one sign-in session. */
const identity = identityWith(async (presented) =>
  presented.kind === "bearer" && presented.token === identityToken ? signedIn : undefined,
);
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
const session = bearer(identityToken);
const invalid = bearer(identityToken.replace(/^aB3/, "xB3"));

/** The API with limits on starts. */
async function limited(settings: Partial<SessionContext["settings"]> = {}, changes: Partial<SessionContext> = {}) {
  const base = await sessionContext([await newPair("ES256")]);
  const { telemetry, events } = memoryTelemetry();
  const both = { startRate: bySubject, startRateAddress: byAddress, ...settings };
  const made = await api({ telemetry, identity, ...changes, settings: { ...base.settings, ...both } });
  /** A start of a subject from an address: its status, code and fields. */
  const from = async (sub: string, address: string, init: RequestInit = {}) => {
    const usual = start(await token(made.issuer, { sub }));
    const headers = { ...usual.headers, "CF-Connecting-IP": address, ...init.headers };
    const response = await made.send("/stream/start", { ...usual, ...init, headers });
    const field = (name: string) => response.headers.get(name);
    return {
      status: response.status,
      code: Object(await response.json()).code,
      policies: field("RateLimit-Policy"),
      quotaStatus: field("RateLimit"),
      retryAfter: field("Retry-After"),
    };
  };
  return { ...made, from, events };
}

describe("the limits of starts", () => {
  it("are in the fields of every counted response: a success, a refusal, and the one over the limit", async () => {
    const { from } = await limited({ startRateAddress: { ...byAddress, quota: 4 } });
    const addressPolicies = '"start-address";q=4;w=3600, "start-network";q=40;w=3600';
    const policies = `${addressPolicies}, "start-subject";q=2;w=3600`;
    expect(await from("ann", "192.0.2.1", session)).toMatchObject({
      status: 201,
      policies,
      quotaStatus: '"start-address";r=3;t=3600, "start-network";r=39;t=3600, "start-subject";r=1;t=3600',
      retryAfter: null,
    });
    // The subject is counted with the claim of a lease, which a refused request does not reach.
    expect(await from("ann", "192.0.2.1", { ...session, body: "{" })).toMatchObject({
      status: 400,
      policies: addressPolicies,
      quotaStatus: '"start-address";r=2;t=3600, "start-network";r=38;t=3600',
    });
    expect(await from("ann", "192.0.2.1", session)).toMatchObject({
      status: 201,
      policies,
      quotaStatus: '"start-address";r=1;t=3600, "start-network";r=37;t=3600, "start-subject";r=0;t=3600',
    });
    expect(await from("ann", "192.0.2.1", session)).toEqual({
      status: 429,
      code: "rate_limited",
      policies,
      quotaStatus: '"start-address";r=0;t=3600, "start-network";r=36;t=3600, "start-subject";r=0;t=3600',
      retryAfter: "3600",
    });
  });

  it("do not count JWTs per address, valid or not", async () => {
    const counted: string[] = [];
    const limits = rememberSpent({
      take: async (policy, name, now) => {
        counted.push(policy.name);
        return memoryLimits().take(policy, name, now);
      },
    });
    const { from } = await limited({}, { limits });
    for (const token of ["x", "e30.e30.AAAA", "a b", "%"])
      for (let i = 0; i < 10; i++) expect((await from("ann", "192.0.2.1", bearer(token))).status).not.toBe(429);
    expect(counted).toEqual([]);
    expect(await from("ann", "192.0.2.1")).toMatchObject({ status: 201, policies: '"start-subject";q=2;w=3600' });
  });

  it("count opaque tokens per address first, so that one client cannot use up a network", async () => {
    const { from } = await limited();
    const flood: unknown[] = [];
    for (let i = 0; i < 40; i++) flood.push((await from("ann", "192.0.2.1", invalid)).code);
    expect(flood).toEqual([...Array(3).fill("token_invalid"), ...Array(37).fill("rate_limited")]);
    expect(await from("ann", "192.0.2.2", session)).toMatchObject({
      status: 201,
      quotaStatus: '"start-address";r=2;t=3600, "start-network";r=26;t=3600, "start-subject";r=1;t=3600',
    });
    // A JWT is accepted even from the flooding address.
    expect(await from("ann", "192.0.2.1")).toMatchObject({ status: 201 });
  });

  it("count a /64 of IPv6 as one address, and a /48 as its network", async () => {
    const { from } = await limited();
    for (let i = 0; i < 3; i++) await from("ann", `2001:db8:1:1::${i}`, invalid);
    expect(await from("ann", "2001:db8:1:1:2::9", session)).toMatchObject({ code: "rate_limited" });
    expect(await from("ann", "2001:db8:1:2::1", session)).toMatchObject({ status: 201 });
    for (let i = 3; i < 20; i++) for (let j = 0; j < 3; j++) await from("ann", `2001:db8:1:${i}::1`, invalid);
    expect(await from("ann", "2001:db8:1:ff::1", session)).toMatchObject({
      code: "rate_limited",
      quotaStatus: expect.stringContaining('"start-network";r=0'),
    });
    expect(await from("ann", "2001:db8:2:1::1", session)).toMatchObject({ status: 201 });
  });

  it("are counted before the issuer is called, and are reported", async () => {
    const { from, events } = await limited({ startRateAddress: { ...byAddress, quota: 1 } });
    expect(await from("ann", "192.0.2.1", invalid)).toMatchObject({ code: "token_invalid" });
    expect(await from("ann", "192.0.2.1", session)).toMatchObject({
      code: "rate_limited",
      quotaStatus: '"start-address";r=0;t=3600',
    });
    expect(events).toContainEqual({ event: "limited", policy: "start-address" });
    expect(events).toContainEqual(expect.objectContaining({ event: "refused", worker: "api", code: "rate_limited" }));
  });

  it("are separate per subject", async () => {
    const { from } = await limited();
    await from("ann", "192.0.2.1");
    await from("ann", "192.0.2.1");
    expect(await from("ann", "203.0.113.1")).toMatchObject({ code: "rate_limited" });
    expect(await from("bob", "192.0.2.1")).toMatchObject({ status: 201 });
  });

  it("are not reported if nothing was counted", async () => {
    const { from, send } = await limited({ startRate: undefined, startRateAddress: undefined });
    expect(await from("ann", "192.0.2.1")).toMatchObject({ policies: null, quotaStatus: null });
    const other = await (await limited()).send("/stream/none");
    expect([other.headers.has("RateLimit"), (await send("/none")).headers.has("RateLimit")]).toEqual([false, false]);
  });

  it("refuse with 503 if the store is down, or admit with STAGEDOOR_STORE_FAILURE=open", async () => {
    const closed = await limited({}, { limits: broken });
    expect(await closed.from("ann", "192.0.2.1", session)).toMatchObject({ status: 503, code: "store_unavailable" });
    const failures: string[] = [];
    const onFailure: SessionContext["onFailure"] = ({ reason }) => failures.push(reason);
    const open = await limited({ storeFailure: "open" }, { limits: broken, onFailure });
    expect(await open.from("ann", "192.0.2.1", session)).toMatchObject({
      status: 201,
      quotaStatus: '"start-subject";r=1;t=3600',
    });
    expect(failures).toEqual(["the rate limits did not answer", "the rate limits did not answer"]);
  });

  it("are not in the response to an exception", async () => {
    const { from } = await limited(
      {},
      {
        random: () => {
          throw new Error("x");
        },
      },
    );
    expect(await from("ann", "192.0.2.1")).toMatchObject({ status: 500, quotaStatus: null });
  });
});

describe("the RateLimit fields", () => {
  const quotaStatus: QuotaStatus = { policy: bySubject, allowed: true, remaining: 1, resetsIn: seconds(1.2) };

  it("have integers", () => {
    const { headers } = withRateLimitFields(new Response("a"), [
      { ...quotaStatus, policy: { ...bySubject, window: seconds(1.5) } },
    ]);
    expect([headers.get("RateLimit-Policy"), headers.get("RateLimit")]).toEqual([
      '"start-subject";q=2;w=2',
      '"start-subject";r=1;t=2',
    ]);
  });

  it("leave the rest of the response unchanged", async () => {
    const response = withRateLimitFields(new Response("a", { status: 202, headers: { ETag: '"b"' } }), [quotaStatus]);
    expect([response.status, response.headers.get("ETag"), await response.text()]).toEqual([202, '"b"', "a"]);
    expect(withRateLimitFields(new Response(null, { status: 204 }), [quotaStatus]).status).toBe(204);
  });
});

describe("the network and country of a start", () => {
  const seen = (events: readonly { readonly event: string }[]) => events.filter(({ event }) => event === "seen");

  it("are reported for each successful start, the network as a hash", async () => {
    const { from, events, send, issuer } = await limited();
    const request = new Request("https://api.example/stream/start", start(await token(issuer, { sub: "ann" })));
    request.headers.set("CF-Connecting-IP", "192.0.2.1");
    Object.defineProperty(request, "cf", { value: { country: "DE" } });
    expect((await send("/stream/start", request)).status).toBe(201);
    await from("ann", "192.0.2.200", { body: '{"asset":"none"}' });
    await from("bob", "192.0.2.200");
    const hash = expect.stringMatching(/^[A-Za-z0-9_-]{22}$/);
    expect(seen(events)).toEqual([
      { event: "seen", subject: hash, country: "DE", network: hash },
      { event: "seen", subject: hash, country: "XX", network: hash },
    ]);
    const [ann, bob] = seen(events).map((event) => Object(event));
    expect([ann.network === bob.network, ann.subject === bob.subject]).toEqual([true, false]);
  });

  it("have no network if the address is unknown", async () => {
    const { from, events } = await limited();
    await from("ann", "unknown");
    expect(seen(events)).toMatchObject([{ network: "" }]);
  });
});
