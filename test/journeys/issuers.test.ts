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
/** The paths of the requests to the provider. */
const paths: string[] = [];
const introspections: { readonly authorization: string | undefined; readonly form: URLSearchParams }[] = [];
let keys: Signer[] = [];
let down = false;
let responses: Readonly<Record<string, object>> = {};
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

/** Signs a token with the provider's newest key by default, for a viewer that no other test uses. */
function signToken({ kid, key }: Signer = newest(), header: object = {}): Promise<string> {
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

async function startOutcome(token: string): Promise<unknown> {
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
    paths.push(request.url ?? "");
    const form = new URLSearchParams(await bodyOf(request));
    if (down) return response.writeHead(503).end("MARKEDANSWER");
    response.setHeader("Content-Type", "application/json");
    if (request.url === "/jwks.json") return response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    if (request.url !== "/introspect") return response.writeHead(404).end();
    introspections.push({ authorization: request.headers.authorization, form });
    return response.end(JSON.stringify(responses[form.get("token") ?? ""] ?? { active: false }));
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
    clientId: "stage gate",
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
  paths.length = 0;
});

describe("an issuer with a JWK Set URL", () => {
  it("can rotate its keys during 200 starts without a refusal", async () => {
    const newKeys = await Promise.all(["k1", "k2", "k3"].map(newSigner));
    const outcomes: unknown[] = [];
    let requested = 0;
    const viewer = async () => {
      while (requested < 200) {
        requested++;
        // Every 50 starts a new key signs at once, and the key before the previous one leaves the set.
        if (requested % 50 === 0) keys = [...keys, ...newKeys.splice(0, 1)].slice(-2);
        outcomes.push(await startOutcome(await signToken()));
      }
    };
    await Promise.all(Array.from({ length: 20 }, viewer));
    expect(new Set(outcomes)).toEqual(new Set([201]));
    expect(outcomes).toHaveLength(200);
    expect(newest().kid).toBe("k3");
    expect(paths.length).toBeGreaterThanOrEqual(4);
    expect(paths.length).toBeLessThanOrEqual(6);
  });

  it("receives few requests for unknown key ids, and no request to a URL in a token", async () => {
    const stranger = await newSigner("stranger");
    const evil = `${provider}/evil.json`;
    const outcomes = new Set<unknown>();
    for (let i = 0; i < 40; i++)
      outcomes.add(
        await startOutcome(
          await signToken({ ...stranger, kid: `made-up-${i}` }, { jku: evil, x5u: evil, jwk: stranger.jwk }),
        ),
      );
    expect(outcomes).toEqual(new Set(["token_invalid"]));
    expect(paths.length).toBeLessThanOrEqual(4);
    expect(paths.filter((path) => path !== "/jwks.json")).toEqual([]);
  });

  it("may be down: tokens signed with a known key are still accepted", async () => {
    down = true;
    expect([await startOutcome(await signToken()), await startOutcome(await signToken())]).toEqual([201, 201]);
    down = false;
  });

  it("has its tokens of another typ refused, with a challenge", async () => {
    const response = await start(await signToken(newest(), { typ: "secevent+jwt" }));
    expect([response.status, Object(await response.json()).code]).toEqual([401, "token_invalid"]);
    expect(response.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
  });
});

describe("an issuer with an introspection endpoint", () => {
  const active = () => ({
    active: true,
    aud: "other",
    sub: `viewer-${crypto.randomUUID()}`,
    scp: ["watch"],
    films: "*",
    exp: Math.floor(Date.now() / 1000) + 300,
  });

  it("receives introspection requests as OAuth defines them, once while the response is cached", async () => {
    responses = { "opaque-1": active() };
    expect([await startOutcome("opaque-1"), await startOutcome("opaque-2"), await startOutcome("opaque-1")]).toEqual([
      201,
      "token_invalid",
      201,
    ]);
    expect(
      introspections.map(({ form }) => form.get("token")).filter((token) => token === "opaque-1").length,
    ).toBeLessThanOrEqual(2);
    expect(introspections[0]?.form.get("token_type_hint")).toBe("access_token");
    const pair = Buffer.from(introspections[0]?.authorization?.slice("Basic ".length) ?? "", "base64").toString();
    expect(pair).toBe("stage+gate:MARKED%3ASECRET");
  });

  it("can revoke a token, which is refused once the cached response expires", async () => {
    responses = { "opaque-3": active() };
    expect(await startOutcome("opaque-3")).toBe(201);
    responses = {};
    await expect.poll(() => startOutcome("opaque-3")).toBe("token_invalid");
  });

  it("receives no request for a made-up token without a valid grant, and few with one", async () => {
    const showCode = async (token: string, id: string, grant?: string) => {
      const headers = new Headers({ Authorization: `Bearer ${token}`, "CF-Connecting-IP": "10.9.9.9" });
      if (grant !== undefined) headers.set("CTA-Common-Access-Token", grant);
      const response = await fetch(`${cluster.addresses.apiUrl}/stream/${id}`, { headers });
      return Object(await response.json()).code ?? response.status;
    };
    responses = { "opaque-own": active() };
    const { sessionId, grant } = Object(await (await start("opaque-own")).json());
    const before = introspections.length;
    for (const text of [undefined, "x", `${grant.slice(0, -1)}`])
      for (let i = 0; i < 10; i++)
        expect(await showCode(`opaque-none-${i}`, sessionId, text)).toMatch(/^(session_unknown|grant_invalid)$/);
    expect(introspections.length - before).toBe(0);
    const codes: unknown[] = [];
    for (let i = 0; i < 30; i++) codes.push(await showCode(`opaque-made-up-${i}`, sessionId, grant));
    expect([codes[0], codes.at(-1)]).toEqual(["token_invalid", "rate_limited"]);
    // One more than the quota, for each isolate that may have handled a request.
    expect(introspections.length - before).toBeLessThanOrEqual(10);
  });

  it("causes 503 with Retry-After while it is down, and no 401", async () => {
    down = true;
    const response = await start("opaque-4");
    expect([response.status, Object(await response.json()).code]).toEqual([503, "provider_unavailable"]);
    expect(response.headers.has("Retry-After")).toBe(true);
    down = false;
    responses = { "opaque-4": active() };
    expect(await startOutcome("opaque-4")).toBe(201);
  });
});

it("the log contains no token, secret or response of a provider", async () => {
  await startOutcome(await signToken(await newSigner("last")));
  const all = log.join("\n");
  expect(all).toContain("token_invalid");
  for (const secret of ["opaque-", "MARKED", "eyJ"]) expect(all).not.toContain(secret);
});
