import { describe, expect, it } from "vitest";
import { memoryTelemetry } from "../../../src/adapters/memory/memory-telemetry.ts";
import { type Seconds, seconds } from "../../../src/base/seconds.ts";
import type { SessionContext } from "../../../src/flows/session/context.ts";
import { withRateLimitFields } from "../../../src/http/rate-limit-fields.ts";
import type { RateStanding } from "../../../src/limits/rate-limit.ts";
import { rememberSpent } from "../../../src/limits/remember-spent.ts";
import { newPair, token } from "../credential/tokens.ts";
import { api, sessionContext, start } from "./start.ts";

const anHour: Seconds = seconds(3600);
const bySubject = { name: "start-subject", quota: 2, window: anHour };
const byAddress = { name: "start-address", quota: 3, window: anHour };
const broken = rememberSpent({ take: () => Promise.reject(new Error("MARKED")) });

/** The API with limits on starts. */
async function limited(settings: Partial<SessionContext["settings"]> = {}, changes: Partial<SessionContext> = {}) {
  const base = await sessionContext([await newPair("ES256")]);
  const { telemetry, events } = memoryTelemetry();
  const both = { startRate: bySubject, startRateAddress: byAddress, ...settings };
  const made = await api({ telemetry, ...changes, settings: { ...base.settings, ...both } });
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
      standing: field("RateLimit"),
      retryAfter: field("Retry-After"),
    };
  };
  return { ...made, from, events };
}

describe("the limits of starts", () => {
  it("are told on every answer that they counted, a success, a refusal, and the one too many", async () => {
    const { from } = await limited();
    const policies = '"start-address";q=3;w=3600, "start-subject";q=2;w=3600';
    expect(await from("ann", "192.0.2.1")).toMatchObject({
      status: 201,
      policies,
      standing: '"start-address";r=2;t=3600, "start-subject";r=1;t=3600',
      retryAfter: null,
    });
    expect(await from("ann", "192.0.2.1", { body: "{" })).toMatchObject({
      status: 400,
      policies,
      standing: '"start-address";r=1;t=3600, "start-subject";r=0;t=3600',
    });
    expect(await from("ann", "192.0.2.1")).toEqual({
      status: 429,
      code: "rate_limited",
      policies,
      standing: '"start-address";r=0;t=3600, "start-subject";r=0;t=3600',
      retryAfter: "3600",
    });
  });

  it("look at the network before anybody looks at the token, and count it for a false one too", async () => {
    const { from, events } = await limited({ startRateAddress: { ...byAddress, quota: 1 } });
    const forged = { headers: { Authorization: "Bearer e30.e30.AAAA" } };
    expect(await from("ann", "192.0.2.1", forged)).toMatchObject({ code: "token_invalid" });
    expect(await from("ann", "192.0.2.1")).toMatchObject({
      code: "rate_limited",
      standing: '"start-address";r=0;t=3600',
    });
    expect(events).toContainEqual({ event: "limited", policy: "start-address" });
    expect(events).toContainEqual(expect.objectContaining({ event: "refused", worker: "api", code: "rate_limited" }));
  });

  it("are each subject's and each network's own", async () => {
    const { from } = await limited();
    await from("ann", "192.0.2.1");
    await from("ann", "192.0.2.1");
    expect(await from("ann", "203.0.113.1")).toMatchObject({ code: "rate_limited" });
    expect(await from("bob", "192.0.2.77")).toMatchObject({ status: 201 });
    expect(await from("eve", "192.0.2.78")).toMatchObject({ code: "rate_limited" });
    expect(await from("eve", "198.51.100.1")).toMatchObject({ status: 201 });
  });

  it("are not told where nothing was counted", async () => {
    const { from, send } = await limited({ startRate: undefined, startRateAddress: undefined });
    expect(await from("ann", "192.0.2.1")).toMatchObject({ policies: null, standing: null });
    const other = await (await limited()).send("/stream/none");
    expect([other.headers.has("RateLimit"), (await send("/none")).headers.has("RateLimit")]).toEqual([false, false]);
  });

  it("refuse with 503 while nobody can count, or let in where the operator wants it so", async () => {
    const closed = await limited({}, { limits: broken });
    expect(await closed.from("ann", "192.0.2.1")).toMatchObject({ status: 503, code: "store_unavailable" });
    const failures: string[] = [];
    const onFailure: SessionContext["onFailure"] = ({ reason }) => failures.push(reason);
    const open = await limited({ storeFailure: "open" }, { limits: broken, onFailure });
    expect(await open.from("ann", "192.0.2.1")).toMatchObject({ status: 201, standing: null });
    expect(failures).toEqual(["the rate limits did not answer", "the rate limits did not answer"]);
  });

  it("are told where something breaks after they counted", async () => {
    const { from } = await limited(
      {},
      {
        catalog: () => {
          throw new Error("x");
        },
      },
    );
    expect(await from("ann", "192.0.2.1")).toMatchObject({
      status: 500,
      standing: '"start-address";r=2;t=3600, "start-subject";r=1;t=3600',
    });
  });
});

describe("the RateLimit fields", () => {
  const standing: RateStanding = { policy: bySubject, allowed: true, remaining: 1, resetsIn: seconds(1.2) };

  it("hold whole numbers, as structured fields of integers do", () => {
    const { headers } = withRateLimitFields(new Response("a"), [
      { ...standing, policy: { ...bySubject, window: seconds(1.5) } },
    ]);
    expect([headers.get("RateLimit-Policy"), headers.get("RateLimit")]).toEqual([
      '"start-subject";q=2;w=2',
      '"start-subject";r=1;t=2',
    ]);
  });

  it("leave the rest of an answer as it was", async () => {
    const told = withRateLimitFields(new Response("a", { status: 202, headers: { ETag: '"b"' } }), [standing]);
    expect([told.status, told.headers.get("ETag"), await told.text()]).toEqual([202, '"b"', "a"]);
    expect(withRateLimitFields(new Response(null, { status: 204 }), [standing]).status).toBe(204);
  });
});

describe("where a subject is seen from", () => {
  const seen = (events: readonly { readonly event: string }[]) => events.filter(({ event }) => event === "seen");

  it("is told of each start that succeeded, in hashes and a country", async () => {
    const { from, events, send, issuer } = await limited();
    const asked = new Request("https://api.example/stream/start", start(await token(issuer, { sub: "ann" })));
    asked.headers.set("CF-Connecting-IP", "192.0.2.1");
    Object.defineProperty(asked, "cf", { value: { country: "DE" } });
    expect((await send("/stream/start", asked)).status).toBe(201);
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

  it("is nobody's network where the address is not known", async () => {
    const { from, events } = await limited();
    await from("ann", "unknown");
    expect(seen(events)).toMatchObject([{ network: "" }]);
  });
});
