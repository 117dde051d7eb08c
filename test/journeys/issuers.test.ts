import { createServer, type IncomingMessage, type Server } from "node:http";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestCluster } from "../cluster/test-cluster.ts";

interface Signer {
  readonly kid: string;
  readonly key: CryptoKey;
  readonly jwk: JWK;
}

const log: string[] = [];
/** What the provider was asked for, path by path. */
const seen: string[] = [];
const questions: { readonly authorization: string | undefined; readonly form: URLSearchParams }[] = [];
let keys: Signer[] = [];
let down = false;
let answers: Readonly<Record<string, object>> = {};
let server: Server;
let provider: string;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

async function newSigner(kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return { kid, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" } };
}

function newest(): Signer {
  return keys.at(-1) ?? expect.fail("the provider has no key");
}

/** A token as the provider signs it now, of a viewer of its own. */
function signed({ kid, key }: Signer = newest(), header: object = {}): Promise<string> {
  const claims = { scp: ["watch"], films: ["vod-ts"], sub: `viewer-${crypto.randomUUID()}` };
  return new SignJWT({ ...claims, client_id: "player", jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt", ...header })
    .setIssuer(`${provider}/`)
    .setAudience("films")
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(key);
}

async function start(token: string): Promise<Response> {
  return fetch(`${cluster.addresses.apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: '{"asset":"vod-ts"}',
  });
}

async function started(token: string): Promise<unknown> {
  const response = await start(token);
  const { code } = Object(await response.json());
  return code ?? response.status;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    seen.push(request.url ?? "");
    const form = new URLSearchParams(await bodyOf(request));
    if (down) return response.writeHead(503).end("MARKEDANSWER");
    response.setHeader("Content-Type", "application/json");
    if (request.url === "/jwks.json") return response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    if (request.url !== "/introspect") return response.writeHead(404).end();
    questions.push({ authorization: request.headers.authorization, form });
    return response.end(JSON.stringify(answers[form.get("token") ?? ""] ?? { active: false }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  provider = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  keys = [await newSigner("k0")];
  const common = {
    audience: ["films", "other"],
    scopes: { watch: "stream:play" },
    scopeClaim: "scp",
    assetsClaim: "films",
  };
  const introspection = {
    url: `${provider}/introspect`,
    clientId: "stage door",
    clientSecret: "MARKED:SECRET",
    cache: 1,
  };
  const issuers = [
    { ...common, issuer: `${provider}/`, algorithms: ["ES256"], typ: "at+jwt", jwksUri: `${provider}/jwks.json` },
    { ...common, issuer: `${provider}/opaque`, introspection },
  ];
  const settings = { STAGEDOOR_ISSUERS: JSON.stringify(issuers), STAGEDOOR_REFUSED_RATE_ADDRESS: "5" };
  cluster = await startTestCluster(settings, log);
});

afterAll(async () => {
  await cluster.stop();
  server.close();
});

beforeEach(() => {
  seen.length = 0;
});

describe("an issuer whose JWK Set is fetched", () => {
  it("may rotate its keys while two hundred starts run, and nobody is refused", async () => {
    const coming = await Promise.all(["k1", "k2", "k3"].map(newSigner));
    const outcomes: unknown[] = [];
    let asked = 0;
    const viewer = async () => {
      while (asked < 200) {
        asked++;
        // Every fifty starts a new key signs at once, and the one before the last leaves the set.
        if (asked % 50 === 0) keys = [...keys, ...coming.splice(0, 1)].slice(-2);
        outcomes.push(await started(await signed()));
      }
    };
    await Promise.all(Array.from({ length: 20 }, viewer));
    expect(new Set(outcomes)).toEqual(new Set([201]));
    expect(outcomes).toHaveLength(200);
    expect(newest().kid).toBe("k3");
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect(seen.length).toBeLessThanOrEqual(6);
  });

  it("is not hammered by tokens with made-up kids, and no address in a token is fetched", async () => {
    const stranger = await newSigner("stranger");
    const evil = `${provider}/evil.json`;
    const outcomes = new Set<unknown>();
    for (let i = 0; i < 40; i++)
      outcomes.add(
        await started(await signed({ ...stranger, kid: `made-up-${i}` }, { jku: evil, x5u: evil, jwk: stranger.jwk })),
      );
    expect(outcomes).toEqual(new Set(["token_invalid"]));
    expect(seen.length).toBeLessThanOrEqual(4);
    expect(seen.filter((path) => path !== "/jwks.json")).toEqual([]);
  });

  it("may be down: who shows a key that it gave is let in", async () => {
    down = true;
    expect([await started(await signed()), await started(await signed())]).toEqual([201, 201]);
    down = false;
  });

  it("has its tokens refused of another typ, and told what to do", async () => {
    const response = await start(await signed(newest(), { typ: "secevent+jwt" }));
    expect([response.status, Object(await response.json()).code]).toEqual([401, "token_invalid"]);
    expect(response.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
  });
});

describe("an issuer that is asked about its tokens", () => {
  const active = () => ({
    active: true,
    aud: "other",
    sub: `viewer-${crypto.randomUUID()}`,
    scp: ["watch"],
    films: "*",
    exp: Math.floor(Date.now() / 1000) + 300,
  });

  it("is asked as OAuth has it, and once within the seconds that its answer is kept", async () => {
    answers = { "opaque-1": active() };
    expect([await started("opaque-1"), await started("opaque-2"), await started("opaque-1")]).toEqual([
      201,
      "token_invalid",
      201,
    ]);
    expect(
      questions.map(({ form }) => form.get("token")).filter((token) => token === "opaque-1").length,
    ).toBeLessThanOrEqual(2);
    expect(questions[0]?.form.get("token_type_hint")).toBe("access_token");
    const pair = Buffer.from(questions[0]?.authorization?.slice("Basic ".length) ?? "", "base64").toString();
    expect(pair).toBe("stage+door:MARKED%3ASECRET");
  });

  it("takes a token back, and it is refused as soon as the answer has passed", async () => {
    answers = { "opaque-3": active() };
    expect(await started("opaque-3")).toBe(201);
    answers = {};
    await expect.poll(() => started("opaque-3")).toBe("token_invalid");
  });

  it("is asked about no made-up token of who has no grant, and about few of who has one", async () => {
    const question = async (token: string, id: string, grant?: string) => {
      const headers = new Headers({ Authorization: `Bearer ${token}`, "CF-Connecting-IP": "10.9.9.9" });
      if (grant !== undefined) headers.set("CTA-Common-Access-Token", grant);
      const response = await fetch(`${cluster.addresses.apiUrl}/stream/${id}`, { headers });
      return Object(await response.json()).code ?? response.status;
    };
    answers = { "opaque-own": active() };
    const { sessionId, grant } = Object(await (await start("opaque-own")).json());
    const before = questions.length;
    for (const text of [undefined, "x", `${grant.slice(0, -1)}`])
      for (let i = 0; i < 10; i++)
        expect(await question(`opaque-none-${i}`, sessionId, text)).toMatch(/^(session_unknown|grant_invalid)$/);
    expect(questions.length - before).toBe(0);
    const codes: unknown[] = [];
    for (let i = 0; i < 30; i++) codes.push(await question(`opaque-made-up-${i}`, sessionId, grant));
    expect([codes[0], codes.at(-1)]).toEqual(["token_invalid", "rate_limited"]);
    // One more than the quota, for each of the isolates that may have answered.
    expect(questions.length - before).toBeLessThanOrEqual(10);
  });

  it("may be down: that is 503 with Retry-After, and no reason to sign in again", async () => {
    down = true;
    const response = await start("opaque-4");
    expect([response.status, Object(await response.json()).code]).toEqual([503, "store_unavailable"]);
    expect(response.headers.has("Retry-After")).toBe(true);
    down = false;
    answers = { "opaque-4": active() };
    expect(await started("opaque-4")).toBe(201);
  });
});

it("no token, secret or answer of a provider is in the log", async () => {
  await started(await signed(await newSigner("last")));
  const all = log.join("\n");
  expect(all).toContain("token_invalid");
  for (const secret of ["opaque-", "MARKED", "eyJ"]) expect(all).not.toContain(secret);
});
