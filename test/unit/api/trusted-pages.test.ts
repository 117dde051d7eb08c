import { beforeAll, describe, expect, it } from "vitest";
import { withDpopChallenge } from "../../../src/http/problem-response.ts";
import { apiUrl, identityWith, sessionCookie, signedIn } from "../auth/sources.ts";
import { token, trusting } from "../auth/tokens.ts";
import { type Api, api, start } from "./start.ts";

const trusted = "https://www.example.com";
const app = "capacitor://localhost";
const site = { apiUrl, origins: [trusted, "https://*.example.org", app] };
const identity = identityWith(async () => ({ ...signedIn, assets: "*", streams: 9 }));

let shared: Api;
let good: string;
beforeAll(async () => {
  shared = await api({ site, identity });
  good = await token(shared.issuer);
});

const path = "/stream/start";
const corsOf = ({ headers }: Response) => [
  headers.get("Access-Control-Allow-Origin"),
  headers.get("Access-Control-Allow-Credentials"),
  headers.get("Vary"),
];

describe("CORS of the API", () => {
  const kinds: readonly [string, string, () => RequestInit][] = [
    ["a start", path, () => start(good)],
    ["a refusal", path, () => start(undefined)],
    ["a preflight", path, () => ({ method: "OPTIONS" })],
    ["a wrong method", path, () => ({ method: "PUT" })],
    ["a wrong path", "/nothing", () => ({})],
  ];
  it.each(kinds)("allows trusted sites to read %s with credentials, and all others without", async (_, at, init) => {
    const from = (origin: string | undefined) => {
      const request = init();
      const headers = new Headers(request.headers);
      if (origin !== undefined) headers.set("Origin", origin);
      return shared.send(at, { ...request, headers });
    };
    for (const origin of [trusted, "https://a.example.org", app])
      expect(corsOf(await from(origin))).toEqual([origin, "true", "Origin"]);
    for (const origin of [
      undefined,
      "null",
      apiUrl,
      "https://evil.example",
      "https://example.org",
      "capacitor://example.org",
      "ionic://localhost",
      `${trusted}.evil.example`,
    ])
      expect(corsOf(await from(origin))).toEqual(["*", null, "Origin"]);
  });

  it("does not vary by origin if no other site is trusted", async () => {
    const { send, issuer } = await api();
    const init = start(await token(issuer));
    const response = await send(path, { ...init, headers: { ...Object(init.headers), Origin: trusted } });
    expect(corsOf(response)).toEqual(["*", null, null]);
  });
});

describe("a start by cookie", () => {
  const byCookie = (origin: string | undefined, headers: Record<string, string> = {}) =>
    shared.send(
      path,
      start(undefined, undefined, {
        headers: { Cookie: sessionCookie, ...headers, ...(origin && { Origin: origin }) },
      }),
    );

  it.each([
    [201, apiUrl],
    [201, trusted],
    [201, app],
    [403, "tauri://localhost"],
    [403, "https://evil.example"],
    [403, "null"],
    [403, undefined],
  ])("is %d from %s", async (status, origin) => {
    const response = await byCookie(origin);
    expect(response.status).toBe(status);
    if (status === 403) expect(await response.json()).toMatchObject({ code: "origin_untrusted" });
  });

  it("ignores the cookie if there is a bearer token, which is accepted from every origin", async () => {
    expect((await byCookie("https://evil.example", { Authorization: `Bearer ${good}` })).status).toBe(201);
    expect((await byCookie(apiUrl, { Authorization: "Bearer e30.e30.AAAA" })).status).toBe(401);
  });

  it("requires a new sign-in if the session has expired", async () => {
    const { send } = await api({ site, identity: { ...identity, sessions: async () => undefined } });
    const response = await send(
      path,
      start(undefined, undefined, { headers: { Cookie: sessionCookie, Origin: apiUrl } }),
    );
    expect([response.status, response.headers.get("WWW-Authenticate")]).toEqual([401, 'Bearer realm="stagedoor"']);
    expect(await response.json()).toMatchObject({ code: "sign_in_required" });
  });
});

describe("a token", () => {
  it.each([
    ["the query", `${path}?access_token=MARKED`, '{"asset":"film"}'],
    ["a form", path, "access_token=MARKED"],
    ["JSON", path, '{"asset":"film","access_token":"MARKED"}'],
  ])("is refused with 400 in %s, without being quoted", async (_, at, body) => {
    for (const bearer of [good, undefined]) {
      const response = await shared.send(at, start(bearer, body));
      expect([response.status, response.headers.get("WWW-Authenticate")]).toEqual([
        400,
        'Bearer realm="stagedoor", error="invalid_request"',
      ]);
      expect(await response.text()).not.toContain("MARKED");
    }
    expect(shared.log.join()).not.toContain("MARKED");
  });
});

describe("the challenge (RFC 9449 §7.1)", () => {
  const bearer = 'Bearer realm="stagedoor"';
  const algs = 'algs="ES256 EdDSA Ed25519 RS256"';
  it.each([
    ["none", `${bearer}, error="invalid_token"`],
    ["required", `${bearer}, error="invalid_token", DPoP realm="stagedoor", ${algs}`],
    ["tried", `${bearer}, error="invalid_token", DPoP realm="stagedoor", error="invalid_token", ${algs}`],
  ] as const)("names the schemes that apply if DPoP is %s", (use, expected) => {
    expect(withDpopChallenge(`${bearer}, error="invalid_token"`, use)).toBe(expected);
  });

  it("names only DPoP for an invalid proof", () => {
    const challenge = `DPoP realm="stagedoor", error="invalid_dpop_proof", ${algs}`;
    expect(withDpopChallenge(challenge, "tried")).toBe(challenge);
  });

  it("names DPoP for requests that tried it, and for all if an issuer requires it", async () => {
    const challengeOf = async ({ send }: Api, headers: Record<string, string>) =>
      (await send(path, start(undefined, undefined, { headers }))).headers.get("WWW-Authenticate");
    expect(await challengeOf(shared, {})).toBe(bearer);
    const tried = { Authorization: `DPoP ${good}`, DPoP: "e30.e30.AAAA" };
    expect(await challengeOf(shared, tried)).toMatch(/^Bearer .*, DPoP .*error="invalid_token", algs=/);
    const strict = await api({ issuers: [trusting([shared.issuer.jwk], { dpop: "required" })] });
    expect(await challengeOf(strict, {})).toBe(`${bearer}, DPoP realm="stagedoor", ${algs}`);
  });
});
