import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import type { Entitled, EntitlementRefusal } from "../../../src/auth/entitlement.ts";
import { credentialOf } from "../../../src/auth/request-credential.ts";
import { ok, type Result, refusal } from "../../../src/base/result.ts";
import { after, rfc3339, seconds } from "../../../src/base/time.ts";
import type { OperatorContext } from "../../../src/operator/operator-context.ts";
import { simulateBodySchema } from "../../../src/operator/operator-json.ts";
import { type SimulatedStart, simulate } from "../../../src/operator/simulate.ts";
import { addressName, subjectDigest } from "../../../src/sessions/identifiers.ts";
import { readBody } from "../../../src/sessions/request-body.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { newHolder, proofOf } from "../auth/proofs.ts";
import { identityToken, identityWith, signedIn } from "../auth/sources.ts";
import { issuerName, newPair, token } from "../auth/tokens.ts";
import { asset, codeOf, opened, usualRequest } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

const address = "192.0.2.7";
const anHour = seconds(3600);
const assets = [
  asset("film"),
  asset("german", { countries: { only: ["DE"] } }),
  asset("coast", { places: { only: [{ regions: ["US-CA"], asns: [64500] }] }, players: { except: ["Lavf/*"] } }),
  asset("web", { origins: ["https://www.example.com"] }),
  asset("soon", { available: { from: rfc3339(after(now, seconds(60))) } }),
  asset("over", { available: { until: rfc3339(now) } }),
  asset("bound", { binding: { network: "prefix" } }),
  asset("two", { streams: 2 }),
  asset("premium", { scope: "stream:premium" }),
];

type Stage = Awaited<ReturnType<typeof operatorStage>>;

interface Case {
  readonly what: string;
  readonly code: string;
  readonly start?: Partial<SimulatedStart>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly before?: (stage: Stage) => Promise<unknown> | unknown;
  readonly settings?: Partial<OperatorContext["settings"]>;
  readonly entitlement?: Result<Entitled, EntitlementRefusal>;
  readonly keys?: "none";
}

const startLimit = { name: "start-subject", quota: 1, window: anHour };
const networkLimit = { name: "start-address", quota: 1, window: anHour };
const subject = { issuer: issuerName, subject: "ann" };
/** Exhausts a quota, as far as the isolate knows. */
const spend =
  (policy: typeof startLimit, name: string | undefined) =>
  async ({ context }: Stage) => {
    for (let i = 0; i < 2; i++) await context().limits.take(policy, name ?? "", now);
  };

const coast = { asset: "coast", country: "US", region: "US-CA", asn: 64500, userAgent: "" };

const down =
  (store: "log" | "streams") =>
  ({ state }: Stage) => {
    state.down = store;
  };

const cases: readonly Case[] = [
  { what: "a valid start", code: "ok" },
  { what: "a token of another issuer", code: "token_invalid", claims: { iss: "https://other.example" } },
  { what: "an expired token", code: "token_expired", claims: { exp: now - 600 } },
  { what: "a token without the scope", code: "scope_insufficient", claims: { scope: "openid" } },
  { what: "an asset's own scope", code: "scope_insufficient", start: { asset: "premium" } },
  { what: "an asset outside the token", code: "asset_forbidden", claims: { assets: ["two"] } },
  { what: "an unknown asset", code: "asset_unknown", start: { asset: "gone" } },
  { what: "an asset before its window", code: "asset_not_yet_available", start: { asset: "soon" } },
  { what: "an asset after its window", code: "asset_no_longer_available", start: { asset: "over" } },
  { what: "the right country", code: "ok", start: { asset: "german", country: "DE" } },
  { what: "another country", code: "country_forbidden", start: { asset: "german", country: "FR" } },
  { what: "an unknown country", code: "country_forbidden", start: { asset: "german" } },
  { what: "the right place and player", code: "ok", start: coast },
  { what: "another region", code: "place_forbidden", start: { ...coast, region: "US-NY" } },
  { what: "an unknown network", code: "place_forbidden", start: { ...coast, asn: undefined } },
  { what: "a refused player", code: "player_refused", start: { ...coast, userAgent: "Lavf/60" } },
  { what: "the right origin", code: "ok", start: { asset: "web", origin: "https://www.example.com" } },
  { what: "another origin", code: "origin_forbidden", start: { asset: "web", origin: "https://evil.example" } },
  { what: "a bound asset with an address", code: "ok", start: { asset: "bound" } },
  { what: "a bound asset without an address", code: "address_unknown", start: { asset: "bound", address: undefined } },
  { what: "a revoked viewer", code: "token_revoked", before: (stage) => stage.revoke({ subject }) },
  {
    what: "a revoked token",
    code: "token_revoked",
    before: (stage) => stage.revoke({ token: { issuer: issuerName, jti: "t-1" } }),
  },
  {
    what: "a revoked login",
    code: "token_revoked",
    before: (stage) => stage.revoke({ login: { issuer: issuerName, sid: "l-1" } }),
  },
  { what: "a revoked asset", code: "asset_revoked", before: (stage) => stage.revoke({ asset: "film" }) },
  { what: "a log that is down", code: "store_unavailable", before: down("log") },
  { what: "streams that are down", code: "store_unavailable", before: down("streams") },
  {
    what: "streams that are down, with STAGEDOOR_STORE_FAILURE=open",
    code: "ok",
    settings: { storeFailure: "open" },
    before: down("streams"),
  },
  { what: "an entitlement", code: "ok", entitlement: ok({ streams: 1, until: undefined }) },
  { what: "no entitlement", code: "entitlement_refused", entitlement: refusal("entitlement_refused", "not booked") },
  {
    what: "an entitlement service that is down",
    code: "provider_unavailable",
    entitlement: refusal("provider_unavailable", "no answer"),
  },
  {
    what: "a stream limit of the asset",
    code: "stream_limit",
    start: { asset: "two" },
    before: async ({ start }) => {
      for (let i = 0; i < 2; i++) await start({ asset: "two" }, { sub: "ann" });
    },
  },
  {
    what: "a stream limit of the entitlement service",
    code: "stream_limit",
    entitlement: ok({ streams: 1, until: undefined }),
    before: ({ start }) => start({ asset: "two" }, { sub: "ann" }),
  },
  {
    what: "a stream limit, with takeover",
    code: "ok",
    start: { takeover: true },
    claims: { streams: 1 },
    before: ({ start }) => start({ asset: "film" }, { sub: "ann" }),
  },
  {
    what: "a stream limit, with a revoked stream",
    code: "ok",
    claims: { streams: 1 },
    before: async (stage) => {
      const started = await stage.start({ asset: "film" }, { sub: "ann" });
      if (started.ok) await stage.revoke({ session: started.value.sessionId });
    },
  },
  {
    what: "an exhausted quota of the viewer",
    code: "rate_limited",
    settings: { startRate: startLimit },
    before: async (stage) => spend(startLimit, subjectDigest(issuerName, "ann"))(stage),
  },
  {
    what: "an exhausted quota of the address, with a JWT",
    code: "ok",
    settings: { startRateAddress: networkLimit },
    before: spend(networkLimit, addressName(address)),
  },
  { what: "no active key", code: "configuration_invalid", keys: "none" },
];

async function staged({ settings, entitlement, before, keys }: Omit<Case, "what" | "code">) {
  const stage = await operatorStage({
    assets,
    ...(settings === undefined ? {} : { settings }),
    ...(keys === undefined ? {} : { keys: new Map() }),
    ...(entitlement === undefined ? {} : { context: { entitlement: async () => entitlement } }),
  });
  await before?.(stage);
  return stage;
}

describe("a simulated start", () => {
  it.each(cases)("is answered like the start itself: $what, $code", async (testCase) => {
    const stage = await staged(testCase);
    const context = stage.context();
    const claims = { assets: "*", sub: "ann", jti: "t-1", sid: "l-1", iat: now, ...testCase.claims };
    const credential = await token(stage.issuer, claims);
    const simulation = { asset: "film", address, ...testCase.start, credential };
    const [events, counted] = [stage.events.length, stage.counted.length];
    const simulated = await simulate(simulation, usualRequest, context);
    expect([stage.events.length, stage.counted.length]).toEqual([events, counted]);
    const { asset: id, takeover, country, region, asn, userAgent, origin } = simulation;
    const headers = new Headers({ Authorization: `Bearer ${credential}` });
    const started = await startStream(
      {
        ...usualRequest,
        credential: credentialOf(
          { method: "POST", url: "https://api.example/stream/start", headers, body: undefined },
          context,
        ),
        body: JSON.stringify({ asset: id, takeover }),
        client: { address: simulation.address, userAgentHash: () => "" },
        country,
        region,
        asn,
        userAgent,
        origin,
      },
      context,
    );
    expect(codeOf(started)).toBe(testCase.code);
    const { refusal: refused, verdict, steps } = simulated;
    expect([verdict, refused?.code ?? "ok"]).toEqual([testCase.code === "ok" ? "accepted" : "refused", testCase.code]);
    const failing = steps.filter(({ state }) => state === "fail").map(({ code }) => code);
    expect(failing).toEqual(testCase.code === "ok" ? [] : [testCase.code]);
    expect(JSON.stringify(simulated)).not.toContain(credential);
  });

  it("waits for the latest revocations, where a start uses a snapshot", async () => {
    const stage = await operatorStage({ assets });
    const { revocations } = stage.context();
    const snapshot = opened(await revocations.fresh());
    opened(await stage.revoke({ asset: "film" }));
    const context = { ...stage.context(), revocations: { ...revocations, atHand: () => snapshot } };
    const credential = await token(stage.issuer, { assets: "*" });
    const { refusal: why } = await simulate({ credential, asset: "film", address }, usualRequest, context);
    expect(why?.code).toBe("asset_revoked");
  });

  it("counts against no quota, however often it runs", async () => {
    const stage = await staged({ settings: { startRate: startLimit, startRateAddress: networkLimit } });
    const credential = await token(stage.issuer, { assets: "*", streams: 1 });
    const simulation = { credential, asset: "film", address };
    for (let i = 0; i < 40; i++) {
      const simulated = await simulate(simulation, usualRequest, stage.context());
      expect(simulated.verdict).toBe("accepted");
    }
    expect(codeOf(await stage.start({ asset: "film" }, { streams: 1 }))).toBe("ok");
    expect(stage.events).toEqual(["claim"]);
  });

  it.each([
    ["a line break", (token: string) => `${token}\n`],
    ["its header", (token: string) => `  Authorization: Bearer ${token}`],
    ["its scheme", (token: string) => `DPoP ${token} `],
  ])("accepts a copied token with %s", async (_, copied) => {
    const stage = await staged({});
    const credential = copied(await token(stage.issuer, { assets: "*" }));
    const simulated = await simulate({ credential, asset: "film", address }, usualRequest, stage.context());
    expect(simulated.verdict).toBe("accepted");
  });

  it.each(["T1", "XX"])("treats the country %s as unknown, like a start", async (country) => {
    const stage = await staged({});
    const credential = await token(stage.issuer, { assets: "*" });
    const body = readBody(
      simulateBodySchema,
      JSON.stringify({ credential, asset: "german", address, country }),
      "body_invalid",
    );
    const simulated = await simulate(opened(body), usualRequest, stage.context());
    expect(simulated.refusal?.code).toBe("country_forbidden");
    const free = await simulate({ credential, asset: "film", country }, usualRequest, stage.context());
    expect(free.verdict).toBe("accepted");
  });

  it("assumes the proof of a key-bound token and uses up none", async () => {
    const stage = await staged({});
    const holder = await newHolder();
    const jkt = await calculateJwkThumbprint(holder.jwk, "sha256");
    const credential = await token(stage.issuer, { assets: "*", cnf: { jkt } });
    const simulated = await simulate({ credential, asset: "film", address }, usualRequest, stage.context());
    expect(simulated.verdict).toBe("accepted");
    const headers = new Headers({ Authorization: `DPoP ${credential}`, DPoP: await proofOf(holder, credential) });
    const input = { method: "POST", url: "https://api.example/stream/start", headers, body: undefined };
    const context = stage.context();
    const request = { ...usualRequest, credential: credentialOf(input, context), body: '{"asset":"film"}' };
    expect(codeOf(await startStream(request, context))).toBe("ok");
  });

  it("reads a sign-in session without prolonging it", async () => {
    const uses: (string | undefined)[] = [];
    const identity = identityWith(async (_, use) => {
      uses.push(use);
      return signedIn;
    });
    const stage = await operatorStage({ assets, context: { identity } });
    const simulation = { credential: identityToken, asset: "film", address };
    const simulated = await simulate(simulation, usualRequest, stage.context());
    expect(simulated.verdict).toBe("accepted");
    expect(uses).toEqual(["look"]);
    expect(JSON.stringify(simulated)).not.toContain(identityToken.slice(0, 32));
  });

  it("refuses a token signed with an untrusted key, and repeats no part of it", async () => {
    const stage = await staged({});
    const credential = await token(await newPair("ES256"), { assets: "*" });
    const simulated = await simulate({ credential, asset: "film" }, usualRequest, stage.context());
    expect(simulated.refusal?.code).toBe("token_invalid");
    for (const part of credential.split(".")) expect(JSON.stringify(simulated)).not.toContain(part);
  });
});
