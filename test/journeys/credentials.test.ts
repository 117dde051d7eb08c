import { calculateJwkThumbprint } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signedUp } from "../cluster/device.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { type Holder, newHolder, proofOf } from "../unit/auth/proofs.ts";
import { audience, issuerName, newPair, type Pair, token } from "../unit/auth/tokens.ts";

const trusted = "https://www.example.com";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let apiUrl: string;
let pair: Pair;
let holder: Holder;
beforeAll(async () => {
  [pair, holder] = [await newPair("ES256"), await newHolder()];
  const issuer = { issuer: issuerName, audience, algorithms: ["ES256"], jwks: { keys: [pair.jwk] }, dpop: "required" };
  cluster = await startTestCluster({
    STAGEDOOR_ISSUERS: JSON.stringify([issuer]),
    STAGEDOOR_ORIGINS: `${trusted} https://*.example.org`,
  });
  apiUrl = cluster.addresses.apiUrl;
});
afterAll(() => cluster.stop());

const seconds = () => Math.floor(Date.now() / 1000);
const start = (headers: Record<string, string>, path = "/stream/start") =>
  fetch(apiUrl + path, { method: "POST", headers, body: '{"asset":"vod-ts"}' });
const codeOf = async (response: Response) => Object(await response.json()).code;

describe("a DPoP-bound token", () => {
  const boundToken = async () =>
    token(pair, { assets: "*", exp: seconds() + 900, cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } });
  const proof = (bound: string, claims: object = {}) =>
    proofOf(holder, bound, { htu: `${apiUrl}/stream/start`, iat: seconds(), ...claims });

  it("starts a stream with each new proof", async () => {
    const bound = await boundToken();
    for (let i = 0; i < 2; i++)
      expect((await start({ Authorization: `DPoP ${bound}`, DPoP: await proof(bound) })).status).toBe(201);
  });

  it("starts one stream when 50 concurrent requests share a proof", async () => {
    const bound = await boundToken();
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proof(bound) };
    const responses = await Promise.all(Array.from({ length: 50 }, () => start(headers)));
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(49);
  });

  it("is refused without a proof, and with a proof for another method", async () => {
    const bound = await boundToken();
    expect(await codeOf(await start({ Authorization: `Bearer ${bound}` }))).toBe("token_invalid");
    expect(await codeOf(await start({ Authorization: `DPoP ${bound}` }))).toBe("dpop_proof_invalid");
    const DPoP = await proof(bound, { htm: "DELETE" });
    expect(await codeOf(await start({ Authorization: `DPoP ${bound}`, DPoP }))).toBe("dpop_proof_invalid");
    const response = await start({ Authorization: `Bearer ${await token(pair, { exp: seconds() + 900 })}` });
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer .*error="invalid_token", DPoP .*algs="/);
  });
});

describe("a sign-in cookie", () => {
  it("starts a stream from the site and from trusted origins, and from no other origin", async () => {
    const { jar } = await signedUp(apiUrl);
    const Cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const from = async (origin: string | undefined) => {
      const response = await start({ Cookie, ...(origin !== undefined && { Origin: origin }) });
      return [response.status, response.headers.get("Access-Control-Allow-Origin")];
    };
    expect(await from(apiUrl)).toEqual([201, "*"]);
    expect(await from(trusted)).toEqual([201, trusted]);
    expect(await from("https://tv.example.org")).toEqual([201, "https://tv.example.org"]);
    for (const origin of ["https://example.org", "https://evilexample.org", "null", undefined])
      expect(await from(origin)).toEqual([403, "*"]);
  });

  it("lets only pages of trusted origins read the session", async () => {
    const corsHeaders = (origin: string) =>
      fetch(`${apiUrl}/api/auth/get-session`, { headers: { Origin: origin } }).then(({ headers }) => [
        headers.get("Access-Control-Allow-Origin"),
        headers.get("Access-Control-Allow-Credentials"),
        headers.get("Cache-Control"),
      ]);
    expect(await corsHeaders(trusted)).toEqual([trusted, "true", "no-store"]);
    expect(await corsHeaders("https://evil.example")).toEqual([null, null, "no-store"]);
  });
});

it("the API refuses a token in the query, whatever the Authorization header says", async () => {
  const response = await start({ Authorization: "Bearer x" }, "/stream/start?access_token=x");
  expect([response.status, await codeOf(response)]).toEqual([400, "request_invalid"]);
});

it("the API refuses a repeated Authorization or DPoP header", async () => {
  const twice = (name: string, value: string) => ({ [name]: [value, value] });
  const bound = "e30.e30.AAAA";
  for (const headers of [
    twice("Authorization", `Bearer ${bound}`),
    { Authorization: `DPoP ${bound}`, ...twice("DPoP", bound) },
  ]) {
    const { status, body } = await rawRequest(apiUrl, "/stream/start", { method: "POST", headers: Object(headers) });
    expect([status, JSON.parse(body.toString()).code]).toEqual([400, "request_invalid"]);
  }
});

it("the API and the media host refuse plain HTTP under any host name except localhost", async () => {
  for (const [origin, target] of [
    [apiUrl, "/stream/start"],
    [apiUrl, "/api/auth/get-session"],
    [cluster.addresses.mediaUrl, "/G/vod-ts/index.m3u8"],
  ] as const)
    for (const Host of ["api.example", "localhost.evil.example"]) {
      const { status, headers, body } = await rawRequest(origin, target, { headers: { Host } });
      expect([status, JSON.parse(body.toString()).code, headers.location]).toEqual([403, "https_required", undefined]);
    }
});
