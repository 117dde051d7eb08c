import { describe, expect, it } from "vitest";
import {
  type Entitled,
  type EntitlementRefusal,
  type EntitlementRequest,
  rememberEntitlement,
} from "../../../src/auth/entitlement.ts";
import { ok, type Result, refusal } from "../../../src/base/result.ts";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { networkName } from "../../../src/sessions/identifiers.ts";
import { now } from "../signing/session.ts";

const ann: EntitlementRequest = {
  issuer: "https://id.example",
  subject: "ann",
  asset: "film",
  address: "192.0.2.7",
  country: "DE",
};

/** An entitlement service behind a cache of ten seconds; a test can change its answer and its delay. */
function cachedEntitlement(
  answer: Result<Entitled, EntitlementRefusal> = ok({ streams: 2, until: undefined }),
  maxAge = 10,
) {
  const state = { now, answer, delay: 0, requests: [] as EntitlementRequest[] };
  const ask = rememberEntitlement(
    async (request) => {
      state.requests.push(request);
      state.now = unixSeconds(state.now + state.delay);
      return state.answer;
    },
    { clock: () => state.now, maxAge: seconds(maxAge), networkOf: networkName },
  );
  return { state, ask };
}

const at = (by: number): UnixSeconds => unixSeconds(now + by);

describe("an allowed entitlement", () => {
  it("is cached for the configured time, and then requested again", async () => {
    const { state, ask } = cachedEntitlement();
    const first = await ask(ann);
    state.now = at(9);
    expect(await ask(ann)).toEqual(first);
    expect(state.requests.length).toBe(1);
    state.now = at(10);
    await ask(ann);
    expect(state.requests.length).toBe(2);
  });

  it("is cached from the time of the request, not of the answer", async () => {
    const { state, ask } = cachedEntitlement();
    state.delay = 2;
    await ask(ann);
    state.now = at(10);
    await ask(ann);
    expect(state.requests.length).toBe(2);
  });

  it("is never cached beyond its own expiry", async () => {
    const { state, ask } = cachedEntitlement(ok({ streams: undefined, until: at(3) }));
    await ask(ann);
    state.now = at(2);
    await ask(ann);
    expect(state.requests.length).toBe(1);
    state.now = at(3);
    await ask(ann);
    expect(state.requests.length).toBe(2);
  });

  it("is not cached if the cache time is 0", async () => {
    const { state, ask } = cachedEntitlement(undefined, 0);
    await ask(ann);
    await ask(ann);
    expect(state.requests.length).toBe(2);
  });

  it.each([
    ["issuer", { issuer: "https://other.example" }],
    ["subject", { subject: "bob" }],
    ["asset", { asset: "film-2" }],
    ["country", { country: "FR" }],
    ["country, if it is unknown", { country: undefined }],
    ["network", { address: "198.51.100.7" }],
    ["network, if it is unknown", { address: undefined }],
    ["issuer and subject that join to the same text", { issuer: 'https://id.example","ann', subject: "" }],
  ])("is not reused for another %s", async (_, change) => {
    const { state, ask } = cachedEntitlement();
    await ask(ann);
    state.answer = refusal("entitlement_refused", "no");
    expect((await ask({ ...ann, ...change })).ok).toBe(false);
  });

  it("is reused for another address of the same network", async () => {
    const { state, ask } = cachedEntitlement();
    await ask(ann);
    await ask({ ...ann, address: "192.0.2.250" });
    expect(state.requests.length).toBe(1);
  });

  it("is evicted, the oldest first, when ten thousand others are cached", async () => {
    const { state, ask } = cachedEntitlement();
    for (let i = 0; i <= 10_000; i++) await ask({ ...ann, subject: `viewer-${i}` });
    state.requests.length = 0;
    await ask({ ...ann, subject: "viewer-1" });
    expect(state.requests.length).toBe(0);
    await ask({ ...ann, subject: "viewer-0" });
    expect(state.requests.length).toBe(1);
  });
});

describe("a refused entitlement", () => {
  it.each(["entitlement_refused", "provider_unavailable"] as const)("is not cached if its code is %s", async (code) => {
    const { state, ask } = cachedEntitlement(refusal(code, "no"));
    expect((await ask(ann)).ok).toBe(false);
    state.answer = ok({ streams: undefined, until: undefined });
    expect((await ask(ann)).ok).toBe(true);
    expect(state.requests.length).toBe(2);
  });
});
