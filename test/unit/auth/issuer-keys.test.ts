import { type JWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { issuerSchema } from "../../../src/auth/issuer.ts";
import { trustIssuer } from "../../../src/auth/trusted-issuers.ts";
import { verifyJwt } from "../../../src/auth/verify-jwt.ts";
import type { Refusal } from "../../../src/base/result.ts";
import { now } from "../signing/session.ts";
import {
  type Algorithm,
  audience,
  httpDeps,
  issuerName,
  judge,
  newPair,
  type Pair,
  token,
  trusting,
  usualClaims,
} from "./tokens.ts";

const jwksUri = "https://id.example/jwks.json";
const pair = await newPair("ES256");
const next = await newPair("ES256", "k2");
const third = await newPair("ES256", "k3");

/** Upper limit, in milliseconds, for a wait that always ends. */
const ceiling = 30_000;

/** An issuer whose JWK Set is served by `answer`, with the number of fetches. */
function served(answer: () => Response | Promise<Response>) {
  let fetches = 0;
  const failures: Refusal[] = [];
  const settings = issuerSchema.parse({ issuer: issuerName, audience, algorithms: ["ES256"], jwksUri });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    fetches++;
    expect([String(input), init?.redirect]).toEqual([jwksUri, "manual"]);
    return answer();
  };
  const issuer = trustIssuer(settings, httpDeps(fetch, { onFailure: (failure) => failures.push(failure) }));
  return { issuers: [issuer], fetches: () => fetches, failures };
}

/** A fetch that gets no response: it rejects when its signal aborts. */
function whenAborted(signal: AbortSignal | null | undefined): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

const good = () => Response.json({ keys: [pair.jwk] });

describe("an issuer's JWK Set", () => {
  let wait: (milliseconds: number) => void;
  beforeEach(() => {
    let time = now * 1000;
    vi.spyOn(Date, "now").mockImplementation(() => time);
    wait = (milliseconds) => {
      time += milliseconds;
    };
  });
  afterEach(() => vi.restoreAllMocks());

  it("is fetched once for many tokens, and again after ten minutes", async () => {
    const { issuers, fetches } = served(good);
    for (let i = 0; i < 5; i++) expect(await judge(await token(pair), issuers)).toBe("ok");
    expect(fetches()).toBe(1);
    wait(599_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["ok", 1]);
    wait(2_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["ok", 2]);
  });

  it("is fetched for an unknown kid at most four times at once and then every 30 s", async () => {
    const { issuers, fetches } = served(good);
    const judgeUnknownKids = async () => {
      for (let i = 0; i < 20; i++)
        expect(await judge(await token(next, {}, { kid: `made-up-${i}` }), issuers)).toBe("token_invalid");
      return fetches();
    };
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["ok", 1]);
    expect([await judgeUnknownKids(), await judgeUnknownKids()]).toEqual([5, 5]);
    wait(31_000);
    expect([await judgeUnknownKids(), await judgeUnknownKids()]).toEqual([6, 6]);
    wait(60_000);
    expect(await judgeUnknownKids()).toBe(8);
    expect(await judge(await token(pair), issuers)).toBe("ok");
  });

  it("is fetched again for a new kid, so that a new key works at once", async () => {
    let keys = [pair.jwk];
    const { issuers, fetches } = served(() => Response.json({ keys }));
    expect(await judge(await token(pair), issuers)).toBe("ok");
    keys = [pair.jwk, next.jwk];
    expect([await judge(await token(next), issuers), await judge(await token(pair), issuers)]).toEqual(["ok", "ok"]);
    expect(fetches()).toBe(2);
  });

  it("is fetched once for 50 simultaneous tokens, on the first use and when the keys change", async () => {
    let keys = [pair.jwk];
    let started = 0;
    const { issuers, fetches } = served(async () => {
      const current = keys;
      await vi.waitFor(() => expect(started).toBe(50), ceiling);
      return Response.json({ keys: current });
    });
    const fifty = async (text: string) => {
      started = 0;
      const judging = Array.from({ length: 50 }, () => judge(text, issuers));
      started = judging.length;
      return [...new Set(await Promise.all(judging)), fetches()];
    };
    expect(await fifty(await token(pair))).toEqual(["ok", 1]);
    keys = [next.jwk];
    expect(await fifty(await token(next))).toEqual(["ok", 2]);
  });

  it("is fetched once more if the key was added while a fetch was in progress", async () => {
    let keys = [pair.jwk];
    const pending: (() => void)[] = [];
    const { issuers, fetches } = served(async () => {
      const current = keys;
      await new Promise<void>((resolve) => pending.push(resolve));
      return Response.json({ keys: current });
    });
    const tokens = await Promise.all([token(pair), token(next), token(third, {}, { kid: "made-up" }), token(third)]);
    /** Both tokens are judged during the first fetch; the keys change before its response arrives. */
    const both = async (first: string, second: string, later: typeof keys) => {
      const before = fetches();
      const outcomes = Promise.all([judge(first, issuers), judge(second, issuers)]);
      await vi.waitFor(() => expect(pending).toHaveLength(1), ceiling);
      keys = later;
      pending.pop()?.();
      await vi.waitFor(() => expect(pending).toHaveLength(1), ceiling);
      pending.pop()?.();
      return [...(await outcomes), fetches() - before];
    };
    const [known = "", unknown = "", madeUp = "", another = ""] = tokens;
    expect(await both(known, unknown, [pair.jwk, next.jwk])).toEqual(["ok", "ok", 2]);
    expect(await both(madeUp, another, [next.jwk, third.jwk])).toEqual(["token_invalid", "ok", 2]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["does not answer", () => Promise.reject(new TypeError("connection refused"))],
    ["answers 500", () => new Response("MARKED", { status: 500 })],
    ["answers 404", () => Response.json({ keys: [pair.jwk] }, { status: 404 })],
    ["answers 301", () => Response.redirect("https://evil.example/jwks.json", 301)],
    ["answers with an HTML page", () => new Response("<html>MARKED", { headers: { "Content-Type": "text/html" } })],
    ["answers with other JSON", () => Response.json({ error: "MARKED" })],
    ["answers with an object instead of a list of keys", () => Response.json({ keys: { k1: "MARKED" } })],
    ["times out", () => Promise.reject(new DOMException("MARKED", "TimeoutError"))],
  ])("makes requests fail as provider_unavailable if its server %s", async (_, answer) => {
    const { issuers } = served(answer);
    const verified = await verifyJwt(await token(pair), issuers, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code: "provider_unavailable" } });
    expect(JSON.stringify(verified)).not.toContain("MARKED");
  });

  it("is fetched at most every 5 s while its server is down, and used as soon as it is back", async () => {
    let answer: () => Response = () => new Response(null, { status: 503 });
    const { issuers, fetches } = served(() => answer());
    for (let i = 0; i < 20; i++) expect(await judge(await token(pair), issuers)).toBe("provider_unavailable");
    expect(fetches()).toBe(1);
    wait(5_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["provider_unavailable", 2]);
    answer = good;
    wait(5_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["ok", 3]);
  });

  it("is used for an hour while its server is down, and the failure is reported once", async () => {
    let down = false;
    const { issuers, failures, fetches } = served(() => (down ? new Response(null, { status: 500 }) : good()));
    expect(await judge(await token(pair), issuers)).toBe("ok");
    down = true;
    wait(300_000);
    expect(await judge(await token(pair), issuers)).toBe("ok");
    for (let i = 0; i < 3; i++) expect(await judge(await token(next), issuers)).toBe("provider_unavailable");
    expect([fetches(), failures]).toEqual([2, []]);
    wait(301_000);
    for (let i = 0; i < 20; i++) expect(await judge(await token(pair), issuers)).toBe("ok");
    expect(fetches()).toBe(3);
    expect(failures).toEqual([
      {
        code: "provider_unavailable",
        reason: "the issuer's JWK Set cannot be had: it answered 500; the one of before is used on",
      },
    ]);
    expect(await judge(await token(next), issuers)).toBe("provider_unavailable");
    wait(3_598_000);
    expect(await judge(await token(pair), issuers)).toBe("ok");
    wait(2_000);
    expect(await judge(await token(pair), issuers)).toBe("provider_unavailable");
    down = false;
    wait(5_000);
    expect(await judge(await token(pair), issuers)).toBe("ok");
  });

  it("delays only one request if its server hangs and the keys are known", async () => {
    let hang = false;
    const rings: (() => void)[] = [];
    const issuer = trustIssuer(
      issuerSchema.parse({ issuer: issuerName, audience, algorithms: ["ES256"], jwksUri }),
      httpDeps(async (_, init) => (hang ? whenAborted(init?.signal) : good()), {
        timer: (_, ring) => {
          rings.push(ring);
          return () => undefined;
        },
      }),
    );
    expect(await judge(await token(pair), [issuer])).toBe("ok");
    hang = true;
    wait(601_000);
    const first = judge(await token(pair), [issuer]);
    expect(await judge(await token(pair), [issuer])).toBe("ok");
    for (const ring of rings) ring();
    expect(await first).toBe("ok");
  });

  it("is fetched by the next request if the fetching request never finishes", async () => {
    let fetches = 0;
    const issuer = trustIssuer(
      issuerSchema.parse({ issuer: issuerName, audience, algorithms: ["ES256"], jwksUri }),
      httpDeps(async () => (fetches++ === 0 ? new Promise<Response>(() => undefined) : good()), {
        timer: (length, ring) => {
          // Only polls ring: the deadline of a request that was cut off never does.
          if (length > 1) return () => undefined;
          wait(50);
          queueMicrotask(ring);
          return () => undefined;
        },
      }),
    );
    void judge(await token(pair), [issuer]);
    await vi.waitFor(() => expect(fetches).toBe(1), ceiling);
    wait(10_000);
    expect([await judge(await token(pair), [issuer]), fetches]).toEqual(["ok", 2]);
  });

  it("is refused if it is larger than 256 kB", async () => {
    const { issuers } = served(() => Response.json({ keys: [pair.jwk], more: "x".repeat(262_144) }));
    expect(await judge(await token(pair), issuers)).toBe("provider_unavailable");
  });

  it("is used even if it contains unknown kinds of keys and entries that are not keys", async () => {
    const { issuers } = served(() =>
      Response.json({ keys: [{ kty: "AKP", alg: "x" }, null, { use: "enc" }, pair.jwk] }),
    );
    expect(await judge(await token(pair), issuers)).toBe("ok");
  });

  it("never provides a secret for an HS256 token", async () => {
    const secret = await newPair("HS256");
    const { issuers } = served(() => Response.json({ keys: [secret.jwk] }));
    expect(await judge(await token(secret), issuers)).toBe("token_invalid");
  });
});

describe("a token for which several keys match", () => {
  const nameless = ({ algorithm, sign }: Pair, claims: object = {}) =>
    new SignJWT({ ...usualClaims, ...claims }).setProtectedHeader({ alg: algorithm }).sign(sign);
  const pairsOf = async (algorithm: Algorithm, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => newPair(algorithm, `k${i}`)));
  const withoutKid = ({ jwk: { kid, ...rest } }: Pair) => rest;

  it.each<Algorithm>(["HS256", "HS512", "ES256", "EdDSA"])(
    "without a kid is tried with the first 8 of them: %s",
    async (algorithm) => {
      const pairs = await pairsOf(algorithm, 9);
      const settings = { algorithms: [algorithm] };
      const outcomes = (keys: readonly JWK[]) =>
        Promise.all(pairs.map(async (pair) => judge(await nameless(pair), [trusting(keys, settings)])));
      const outcome = [...Array(8).fill("ok"), "token_invalid"];
      expect(await outcomes(pairs.map(({ jwk }) => jwk))).toEqual(outcome);
      expect(await outcomes(pairs.map(withoutKid))).toEqual(outcome);
    },
  );

  it("without a kid is tried with the keys of a fetched JWK Set", async () => {
    const [one, two] = await pairsOf("ES256", 2);
    const { issuers, fetches } = served(() => Response.json({ keys: [one?.jwk, two?.jwk] }));
    for (const pair of [one, two, one]) expect(await judge(await nameless(pair ?? third), issuers)).toBe("ok");
    expect(await judge(await nameless(third), issuers)).toBe("token_invalid");
    expect(fetches()).toBe(1);
  });

  it("without a kid is tried only with keys for its algorithm", async () => {
    const others = await pairsOf("EdDSA", 9);
    const encrypting = (await pairsOf("ES256", 9)).map(({ jwk }) => ({ ...jwk, use: "enc" }));
    const keys = [...others.map(({ jwk }) => jwk), ...encrypting, pair.jwk, next.jwk];
    const issuers = [trusting(keys, { algorithms: ["ES256", "EdDSA"] })];
    expect([await judge(await nameless(next), issuers), await judge(await nameless(third), issuers)]).toEqual([
      "ok",
      "token_invalid",
    ]);
  });

  it("without a kid is tried with the next key after an unusable one", async () => {
    const broken = { ...pair.jwk, kid: "broken", x: "AAAA" };
    const issuers = [trusting([broken, { ...broken, y: "AAAA" }, pair.jwk, next.jwk])];
    for (const good of [pair, next]) expect(await judge(await nameless(good), issuers)).toBe("ok");
    expect(await judge(await nameless(third), issuers)).toBe("token_invalid");
    expect(await judge(await nameless(pair), [trusting([broken, broken])])).toBe("provider_unavailable");
  });

  it("without a kid is refused for its claims by the key that signed it", async () => {
    const issuers = [trusting([pair.jwk, next.jwk])];
    for (const good of [pair, next]) {
      expect(await judge(await nameless(good, { exp: now - 61 }), issuers)).toBe("token_expired");
      expect(await judge(await nameless(good, { aud: "other" }), issuers)).toBe("token_invalid");
    }
  });

  it("with a kid is not tried with keys of other kids", async () => {
    const secrets = await pairsOf("HS256", 2);
    for (const [one, two] of [[pair, next] as const, secrets] as const) {
      if (one === undefined || two === undefined) throw new Error("expected two pairs");
      const issuers = [trusting([one.jwk, two.jwk], { algorithms: [one.algorithm] })];
      expect([await judge(await token(one), issuers), await judge(await token(two), issuers)]).toEqual(["ok", "ok"]);
      expect(await judge(await token(one, {}, { kid: two.kid }), issuers)).toBe("token_invalid");
      expect(await judge(await token(one, {}, { kid: "k9" }), issuers)).toBe("token_invalid");
    }
  });

  it("with a kid that two keys share is tried with both", async () => {
    const twin = { ...next, kid: pair.kid, jwk: { ...next.jwk, kid: pair.kid } };
    const issuers = [trusting([pair.jwk, twin.jwk])];
    for (const good of [pair, twin]) expect(await judge(await token(good), issuers)).toBe("ok");
    expect(await judge(await token({ ...third, kid: pair.kid }), issuers)).toBe("token_invalid");
  });
});
