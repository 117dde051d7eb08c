import { beforeEach, describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import type { RecentRefusal } from "../../../src/metrics/gathered.ts";
import type { OperatorContext } from "../../../src/operator/operator-context.ts";
import { simulateFor } from "../../../src/operator/simulate.ts";
import { findViewer, lookUpViewer } from "../../../src/operator/viewer.ts";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import type { OperatorAct } from "../../../src/sessions/session-context.ts";
import { asset, opened } from "../sessions/session-service.ts";
import { keyOf, now } from "../signing/session.ts";
import { live, operatorStage } from "./operator-stage.ts";

const alice = { issuer: "https://id.example", subject: "alice" };
const acting = { operator: "ann", through: "console" } as const;
const id = (letter: string) => letter.repeat(21).concat("A");

let stage: Awaited<ReturnType<typeof operatorStage>>;
const hashOf = (kid: string, { issuer, subject } = alice) =>
  subjectHash(keyOf(stage.context().keys, kid), issuer, subject);
beforeEach(async () => {
  stage = await operatorStage({ assets: [asset("film"), asset("home", { countries: { only: ["DE"] } })] });
});

const refused = (request: string, subject: string): RecentRefusal => ({
  ...{ at: now, worker: "edge", code: "binding_mismatch", reason: "another network", request, subject },
});

describe("a viewer who is looked up", () => {
  it("is found under every key in use, with the sessions and refusals of no other", async () => {
    const [a, b, c] = [hashOf("2026-a"), hashOf("2026-b"), hashOf("2026-a", { ...alice, subject: "bob" })];
    await stage.gathered.report({
      ...{ worker: "edge", counts: [], ended: [] },
      alive: [live(id("a"), { subject: a }), live(id("b"), { subject: b }), live(id("c"), { subject: c })],
      refusals: [refused("1", a), refused("2", b), refused("3", c)],
    });
    const { sessions, refusals, hashes, revocation } = opened(await lookUpViewer(alice, stage.context()));
    expect(sessions.map(({ sessionId, state }) => [sessionId[0], state])).toEqual([
      ["a", "running"],
      ["b", "running"],
    ]);
    expect(refusals.map(({ request }) => request).toSorted()).toEqual(["1", "2"]);
    expect(hashes).toEqual(expect.arrayContaining([a, b]));
    expect(revocation).toBeUndefined();
  });

  it("has sessions that were revoked, that ended, that fell silent and that expired", async () => {
    const own = { subject: hashOf("2026-a") };
    const silent = unixSeconds(now - 200);
    await stage.gathered.report({
      ...{ worker: "edge", counts: [], refusals: [], ended: [] },
      alive: [
        ...[live(id("r"), own), live(id("e"), own), live(id("s"), { ...own, seenAt: silent })],
        live(id("x"), { ...own, seenAt: silent, expiresAt: now }),
      ],
    });
    await stage.gathered.report({ worker: "api", counts: [], refusals: [], alive: [], ended: [id("e")] });
    opened(await stage.revoke({ session: id("r") }));
    const { sessions } = opened(await lookUpViewer(alice, stage.context()));
    expect(Object.fromEntries(sessions.map(({ sessionId, state }) => [sessionId[0], state]))).toEqual({
      ...{ r: "revoked", e: "ended", s: "silent", x: "expired" },
    });
  });

  it("shows a revocation, and which sessions it ends", async () => {
    const own = { subject: hashOf("2026-a") };
    await stage.gathered.report({
      ...{ worker: "edge", counts: [], refusals: [], ended: [] },
      alive: [live(id("a"), own), live(id("b"), { ...own, startedAt: unixSeconds(now + 100) })],
    });
    opened(await stage.revoke({ subject: alice }));
    const { sessions, revocation } = opened(await lookUpViewer(alice, stage.context()));
    expect(revocation?.at).toBeGreaterThanOrEqual(now);
    expect(sessions.map(({ sessionId, state }) => `${sessionId[0]} ${state}`).toSorted()).toEqual([
      "a revoked",
      "b running",
    ]);
  });
});

describe("a viewer's e-mail address", () => {
  const withAccounts = (acts: OperatorAct[], findUser: () => Promise<string | undefined>): OperatorContext => ({
    ...stage.context(),
    identity: { issuer: "https://api.example", sessions: async () => undefined, end: async () => undefined, findUser },
    onAct: (act) => acts.push(act),
  });

  it("names the account's viewer, and leaves a line without the address in the log", async () => {
    const acts: OperatorAct[] = [];
    const asked: string[] = [];
    const find = async (email = "") => {
      asked.push(email);
      return "user-1";
    };
    const found = await findViewer({ email: " Alice@Example.com" }, acting, withAccounts(acts, find));
    expect(found).toEqual(ok({ issuer: "https://api.example", subject: "user-1" }));
    expect(asked).toEqual(["alice@example.com"]);
    const hash = expect.stringMatching(/^[\w-]{22}$/);
    expect(acts).toEqual([{ ...acting, act: "find", kind: "subject", id: hash, outcome: "done" }]);
  });

  it("of no account, or without an identity service, is an error that says so", async () => {
    const acts: OperatorAct[] = [];
    const unknown = await findViewer(
      { email: "x@y.z" },
      acting,
      withAccounts(acts, async () => undefined),
    );
    expect(unknown).toMatchObject({ refusal: { faults: [expect.stringMatching(/^email: No account/)] } });
    expect(acts).toMatchObject([{ act: "find", id: "", outcome: "body_invalid" }]);
    const none = await findViewer({ email: "x@y.z" }, acting, { ...stage.context(), identity: undefined });
    expect(none).toMatchObject({ refusal: { faults: [expect.stringContaining("no identity service")] } });
    const down = await findViewer(
      { email: "x@y.z" },
      acting,
      withAccounts(acts, () => Promise.reject(new Error())),
    );
    expect(down).toMatchObject({ refusal: { code: "store_unavailable" } });
    expect(acts.at(-1)).toMatchObject({ outcome: "store_unavailable" });
  });

  it("is not logged for a viewer who is named by issuer and subject", async () => {
    const acts: OperatorAct[] = [];
    expect(
      await findViewer(
        { viewer: alice },
        acting,
        withAccounts(acts, async () => undefined),
      ),
    ).toEqual(ok(alice));
    expect(acts).toEqual([]);
  });
});

describe("a start that is simulated for a viewer without a token", () => {
  const background = { waitUntil: () => undefined };
  const verdict = async (start: object) => {
    const { verdict: said, refusal } = await simulateFor(
      { ...alice, asset: "film", ...start },
      background,
      stage.context(),
    );
    return refusal?.code ?? said;
  };

  it("is judged by the asset's conditions and the viewer's streams", async () => {
    expect(await verdict({})).toBe("accepted");
    expect(await verdict({ asset: "home", country: "DE" })).toBe("accepted");
    expect(await verdict({ asset: "home", country: "FR" })).toBe("country_forbidden");
    expect(await verdict({ asset: "none" })).toBe("asset_unknown");
  });

  it("meets a revoked asset, and not a revocation of older tokens", async () => {
    stage.state.now = unixSeconds(now + 100);
    opened(await stage.revoke({ asset: "home" }));
    expect(await verdict({ asset: "home", country: "DE" })).toBe("asset_revoked");
  });
});
