import { describe, expect, it } from "vitest";
import { type Entitled, type EntitlementAsked, rememberEntitlement } from "../../../src/auth/entitlement.ts";
import { ok, type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { networkName } from "../../../src/sessions/identifiers.ts";
import { now } from "../signing/session.ts";

const ann: EntitlementAsked = {
  issuer: "https://id.example",
  subject: "ann",
  asset: "film",
  address: "192.0.2.7",
  country: "DE",
};

/** A service that answers what the test says, behind a memory of ten seconds. */
function remembering(answer: Result<Entitled, Refusal> = ok({ streams: 2, until: undefined }), maxAge = 10) {
  const state = { now, answer, takes: 0, asked: [] as EntitlementAsked[] };
  const ask = rememberEntitlement(
    async (asked) => {
      state.asked.push(asked);
      state.now = unixSeconds(state.now + state.takes);
      return state.answer;
    },
    { clock: () => state.now, maxAge: seconds(maxAge), networkOf: networkName },
  );
  return { state, ask };
}

const at = (by: number): UnixSeconds => unixSeconds(now + by);

describe("what the entitlement service allowed", () => {
  it("is kept for as long as the setting says, and asked for anew then", async () => {
    const { state, ask } = remembering();
    const first = await ask(ann);
    state.now = at(9);
    expect(await ask(ann)).toEqual(first);
    expect(state.asked.length).toBe(1);
    state.now = at(10);
    await ask(ann);
    expect(state.asked.length).toBe(2);
  });

  it("is kept counting from the question, not from the answer", async () => {
    const { state, ask } = remembering();
    state.takes = 2;
    await ask(ann);
    state.now = at(10);
    await ask(ann);
    expect(state.asked.length).toBe(2);
  });

  it("is never kept past its own end", async () => {
    const { state, ask } = remembering(ok({ streams: undefined, until: at(3) }));
    await ask(ann);
    state.now = at(2);
    await ask(ann);
    expect(state.asked.length).toBe(1);
    state.now = at(3);
    await ask(ann);
    expect(state.asked.length).toBe(2);
  });

  it("is not kept where the setting is 0", async () => {
    const { state, ask } = remembering(undefined, 0);
    await ask(ann);
    await ask(ann);
    expect(state.asked.length).toBe(2);
  });

  it.each([
    ["issuer", { issuer: "https://other.example" }],
    ["subject", { subject: "bob" }],
    ["asset", { asset: "film-2" }],
    ["country", { country: "FR" }],
    ["country that is not known", { country: undefined }],
    ["network", { address: "198.51.100.7" }],
    ["network that is not known", { address: undefined }],
    ["values that run together", { issuer: 'https://id.example","ann', subject: "" }],
  ])("is not taken for another %s", async (_, change) => {
    const { state, ask } = remembering();
    await ask(ann);
    state.answer = refusal("entitlement_refused", "no");
    expect((await ask({ ...ann, ...change })).ok).toBe(false);
  });

  it("is taken for another address of the same network", async () => {
    const { state, ask } = remembering();
    await ask(ann);
    await ask({ ...ann, address: "192.0.2.250" });
    expect(state.asked.length).toBe(1);
  });

  it("is kept for ten thousand at most: the oldest goes", async () => {
    const { state, ask } = remembering();
    for (let i = 0; i <= 10_000; i++) await ask({ ...ann, subject: `viewer-${i}` });
    state.asked.length = 0;
    await ask({ ...ann, subject: "viewer-1" });
    expect(state.asked.length).toBe(0);
    await ask({ ...ann, subject: "viewer-0" });
    expect(state.asked.length).toBe(1);
  });
});

describe("what the entitlement service refused", () => {
  it.each(["entitlement_refused", "store_unavailable"] as const)("is not kept: %s", async (code) => {
    const { state, ask } = remembering(refusal(code, "no"));
    expect((await ask(ann)).ok).toBe(false);
    state.answer = ok({ streams: undefined, until: undefined });
    expect((await ask(ann)).ok).toBe(true);
    expect(state.asked.length).toBe(2);
  });
});
