import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { verifyJwt } from "../../../src/credential/verify-jwt.ts";
import { now } from "../signing/session.ts";
import { judge, newPair, token, trusting, usualClaims } from "./tokens.ts";

const jwksUri = "https://id.example/jwks.json";
const pair = await newPair("ES256");
const next = await newPair("ES256", "k2");

/** An issuer whose JWK Set is served by `answer`; it counts how often it was asked for. */
function served(answer: () => Response | Promise<Response>) {
  let fetches = 0;
  const issuer = trusting([], { jwksUri }, async (input) => {
    fetches++;
    expect(String(input)).toBe(jwksUri);
    return answer();
  });
  return { issuers: [issuer], fetches: () => fetches };
}

const good = () => Response.json({ keys: [pair.jwk] });

describe("a JWK Set that is fetched", () => {
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

  it("is fetched for an unknown kid, but no oftener than every 30 s however many come", async () => {
    const { issuers, fetches } = served(good);
    expect(await judge(await token(pair), issuers)).toBe("ok");
    for (let i = 0; i < 20; i++)
      expect(await judge(await token(next, {}, { kid: `made-up-${i}` }), issuers)).toBe("token_invalid");
    expect(fetches()).toBe(1);
    wait(31_000);
    for (let i = 0; i < 20; i++)
      expect(await judge(await token(next, {}, { kid: `made-up-${i}` }), issuers)).toBe("token_invalid");
    expect(fetches()).toBe(2);
  });

  it("brings a new key into use without a restart", async () => {
    let keys = [pair.jwk];
    const { issuers } = served(() => Response.json({ keys }));
    expect(await judge(await token(pair), issuers)).toBe("ok");
    keys = [pair.jwk, next.jwk];
    wait(31_000);
    expect([await judge(await token(next), issuers), await judge(await token(pair), issuers)]).toEqual(["ok", "ok"]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["does not answer", () => Promise.reject(new TypeError("connection refused"))],
    ["answers 500", () => new Response("MARKED", { status: 500 })],
    ["answers 404", () => new Response("MARKED", { status: 404 })],
    ["answers 301", () => Response.redirect("https://evil.example/jwks.json", 301)],
    ["answers with a page", () => new Response("<html>MARKED", { headers: { "Content-Type": "text/html" } })],
    ["answers with other JSON", () => Response.json({ error: "MARKED" })],
    ["answers with no list", () => Response.json({ keys: { k1: "MARKED" } })],
    ["runs out of time", () => Promise.reject(new DOMException("MARKED", "TimeoutError"))],
  ])("that %s is our side's failure, and never the token's", async (_, answer) => {
    const { issuers } = served(answer);
    const verified = await verifyJwt(await token(pair), issuers, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code: "store_unavailable" } });
    expect(JSON.stringify(verified)).not.toContain("MARKED");
  });

  it("is asked for no oftener than every 5 s while it is down, and used as soon as it is back", async () => {
    let answer: () => Response = () => new Response(null, { status: 503 });
    const { issuers, fetches } = served(() => answer());
    for (let i = 0; i < 20; i++) expect(await judge(await token(pair), issuers)).toBe("store_unavailable");
    expect(fetches()).toBe(1);
    wait(5_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["store_unavailable", 2]);
    answer = good;
    wait(5_000);
    expect([await judge(await token(pair), issuers), fetches()]).toEqual(["ok", 3]);
  });

  it("that went down is used on for the keys it gave, until it is old", async () => {
    let down = false;
    const { issuers } = served(() => (down ? new Response(null, { status: 500 }) : good()));
    expect(await judge(await token(pair), issuers)).toBe("ok");
    down = true;
    wait(300_000);
    expect(await judge(await token(pair), issuers)).toBe("ok");
    expect(await judge(await token(next), issuers)).toBe("store_unavailable");
    expect(await judge(await token(pair), issuers)).toBe("ok");
  });

  it("gives no secret: an HS256 token finds no key in it", async () => {
    const secret = await newPair("HS256");
    const { issuers } = served(() => Response.json({ keys: [secret.jwk] }));
    expect(await judge(await token(secret), issuers)).toBe("token_invalid");
  });
});

it("a token names its secret where the issuer has several: none is tried at random", async () => {
  const [one, two] = [await newPair("HS256", "s1"), await newPair("HS256", "s2")];
  const issuers = [trusting([one.jwk, two.jwk], { algorithms: ["HS256"] })];
  expect([await judge(await token(one), issuers), await judge(await token(two), issuers)]).toEqual(["ok", "ok"]);
  expect(await judge(await token(one, {}, { kid: "s2" }), issuers)).toBe("token_invalid");
  const text = await new SignJWT(usualClaims).setProtectedHeader({ alg: "HS256" }).sign(one.sign);
  expect(await judge(text, issuers)).toBe("token_invalid");
});

describe("the settings of an issuer", () => {
  const accepts = (changes: Readonly<Record<string, unknown>>, keys: readonly object[] = [pair.jwk]) => {
    try {
      trusting(keys, changes);
      return true;
    } catch {
      return false;
    }
  };
  const long = "A".repeat(43);

  it.each<[boolean, string, Record<string, unknown>, object[]]>([
    [true, "a public key", {}, [pair.jwk]],
    [true, "a secret of 32 bytes", { algorithms: ["HS256"] }, [{ kty: "oct", k: long }]],
    [
      false,
      "a secret of 31 bytes, which can be guessed at",
      { algorithms: ["HS256"] },
      [{ kty: "oct", k: "A".repeat(42) }],
    ],
    [false, "a secret in another spelling", { algorithms: ["HS256"] }, [{ kty: "oct", k: `${long}=` }]],
    [false, "an empty secret", { algorithms: ["HS256"] }, [{ kty: "oct", k: "" }]],
    [false, "no secret", { algorithms: ["HS256"] }, [{ kty: "oct" }]],
    [false, "a public key as a secret", { algorithms: ["HS256"] }, [pair.jwk]],
    [false, "a secret among public keys", {}, [pair.jwk, { kty: "oct", k: long }]],
    [false, "HS256 beside RS256", { algorithms: ["RS256", "HS256"] }, [{ kty: "oct", k: long }]],
    [false, "a secret behind an address", { algorithms: ["HS256"], jwksUri }, []],
    [false, "alg none", { algorithms: ["none"] }, [pair.jwk]],
    [false, "no algorithm", { algorithms: [] }, [pair.jwk]],
    [false, "a private key", {}, [{ ...pair.jwk, d: long }]],
    [false, "RSA of 1024 bits", { algorithms: ["RS256"] }, [{ kty: "RSA", n: "A".repeat(171), e: "AQAB" }]],
    [false, "no key", {}, []],
    [false, "keys and an address", { jwks: { keys: [pair.jwk] }, jwksUri }, []],
    [false, "an address without TLS", { jwksUri: "http://id.example/jwks.json" }, []],
    [true, "an address on this machine", { jwksUri: "http://localhost:8080/jwks.json" }, []],
    [false, "an address that only looks local", { jwksUri: "http://localhost.evil.example/jwks.json" }, []],
    [false, "a file", { jwksUri: "file:///etc/keys.json" }, []],
    [false, "a misspelt setting", { audiences: ["x"] }, [pair.jwk]],
    [false, "an hour of tolerance", { clockTolerance: 3600 }, [pair.jwk]],
  ])("%s: %s", (accepted, _, changes, keys) => {
    expect(accepts(changes, keys)).toBe(accepted);
  });
});
