import { SignJWT } from "jose";
import { expect, it } from "vitest";
import { issuerSchema } from "../../../src/auth/issuer.ts";
import { trustIssuer } from "../../../src/auth/trusted-issuers.ts";
import type { RefusalCode } from "../../../src/base/result.ts";
import { seconds, after as timeAfter, type UnixSeconds } from "../../../src/base/time.ts";
import { explainToken } from "../../../src/operator/explain/explain-token.ts";
import { provider } from "../auth/providers.ts";
import { httpDeps, noFetch } from "../auth/tokens.ts";
import { catalog, now } from "../signing/session.ts";

const secret = new Uint8Array(32).fill(9);
const issuer = trustIssuer(
  issuerSchema.parse({
    issuer: "https://id.example",
    audience: "api",
    algorithms: ["HS256"],
    jwks: { keys: [{ kty: "oct", kid: "1", k: "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk" }] },
  }),
  httpDeps(noFetch),
);

function token(claims: Record<string, unknown> = {}, key = secret): Promise<string> {
  return new SignJWT({ scope: "stream:play", assets: ["film"], ...claims })
    .setProtectedHeader({ alg: "HS256", kid: "1" })
    .setIssuer("https://id.example")
    .setAudience("api")
    .setSubject("ann")
    .setExpirationTime(now + 60)
    .sign(key);
}

it("explainToken reports what a token grants", async () => {
  const { verdict, grants } = await explainToken(await token(), { issuers: [issuer] }, now);
  expect(verdict).toBe("accepted");
  expect(grants).toBe('starting "film" with the scopes "stream:play", until 2026-11-18T11:07:40Z (in 1 min)');
});

const refusedTokens: [code: RefusalCode, what: string, make: () => Promise<string>, at: UnixSeconds][] = [
  ["token_invalid", "a forged token", () => token({}, new Uint8Array(32)), now],
  ["token_expired", "an expired token", () => token(), timeAfter(now, seconds(600))],
  ["token_invalid", "a malformed token", async () => "a.b", now],
];

it.each(refusedTokens)("explainToken refuses with %s: %s", async (code, _, make, at) => {
  const text = await make();
  const { verdict, refusal, steps } = await explainToken(text, { issuers: [issuer] }, at);
  expect([verdict, refusal?.code]).toEqual(["refused", code]);
  expect(steps.find(({ state }) => state === "fail")?.code).toBe(code);
  expect(JSON.stringify(steps)).not.toContain(text);
});

it("explainToken shows claims in printable ASCII only, so that none can control the terminal", async () => {
  const { steps } = await explainToken(await token({ scope: "\u001b[2Jok\u202e\n" }), { issuers: [issuer] }, now);
  expect(steps.find(({ part }) => part === "scope")?.text).toBe('"\\u001b[2Jok\\u202e\\n"');
});

it("explainToken uses the issuer's claim names", async () => {
  const settings = {
    ...issuer.settings,
    audienceClaim: "azp",
    subjectClaim: "uid",
    assetsClaim: "films",
    loginClaim: ["app", "session"],
  };
  const claims = { azp: "web", uid: "u-7", films: ["a", "b"], app: { session: "l-1" }, sid: "other" };
  const sources = { issuers: [{ ...issuer, settings }] };
  const { steps } = await explainToken(await token(claims), sources, now);
  const texts = Object.fromEntries(steps.map(({ part, text }) => [part, text]));
  expect(texts.issuer).toMatch(/^iss ".+", aud ".+", azp "web"$/);
  expect(texts).toMatchObject({ subject: '"u-7"', assets: '"a", "b"', login: '"l-1"' });
});

it("explainToken says that a key-bound token needs a proof", async () => {
  const jkt = "A".repeat(43);
  const { verdict, steps } = await explainToken(await token({ cnf: { jkt } }), { issuers: [issuer] }, now);
  expect([verdict, steps.find(({ part }) => part === "bound to")?.text]).toEqual([
    "accepted",
    `the key "${jkt}" (DPoP)`,
  ]);
  expect(steps.find(({ part }) => part === "binding")?.text).toContain("Authorization: DPoP");
});

it("explainToken refuses an unbound token if its issuer requires DPoP", async () => {
  const strict = { ...issuer, settings: { ...issuer.settings, dpop: "required" as const } };
  const { refusal, steps } = await explainToken(await token(), { issuers: [strict] }, now);
  expect([refusal?.code, steps.at(-1)?.part]).toEqual(["token_invalid", "binding"]);
});

it("explainToken shows the introspection of an opaque token, and introspects no malformed one", async () => {
  const { issuer: opaque, answerWith, requests } = provider();
  answerWith({ sid: "l-1", assets: "*", cnf: { jkt: "A".repeat(43) } });
  const { grants, steps } = await explainToken("opaque-1", { issuers: [opaque] }, now);
  expect(grants).toContain("starting every asset");
  expect(steps.find(({ part }) => part === "login")?.text).toBe('"l-1"');
  expect(JSON.stringify(steps)).not.toContain("opaque-1");
  expect((await explainToken("a b", { issuers: [opaque] }, now)).refusal?.code).toBe("token_invalid");
  expect(requests).toHaveLength(1);
});

it("explainToken reports what a start with the token would answer", async () => {
  const start = async (assetId: string, claims = {}) => {
    const from = { country: undefined, origin: undefined };
    const { refusal } = await explainToken(await token(claims), { issuers: [issuer] }, now, { assetId, catalog, from });
    return refusal?.code ?? "ok";
  };
  expect(await start("film")).toBe("ok");
  expect(await start("film-2")).toBe("asset_forbidden");
  expect(await start("nothing", { assets: "*" })).toBe("asset_unknown");
  expect(await start("film", { scope: "openid" })).toBe("scope_insufficient");
});
