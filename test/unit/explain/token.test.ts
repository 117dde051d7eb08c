import { SignJWT } from "jose";
import { expect, it } from "vitest";
import type { RefusalCode } from "../../../src/base/refusal.ts";
import { seconds, after as timeAfter, type UnixSeconds } from "../../../src/base/seconds.ts";
import { issuerSchema } from "../../../src/credential/issuer.ts";
import { trustIssuer } from "../../../src/credential/issuer-keys.ts";
import { explainToken } from "../../../src/flows/explain/token.ts";
import { now } from "../signing/session.ts";

const secret = new Uint8Array(32).fill(9);
const issuer = trustIssuer(
  issuerSchema.parse({
    issuer: "https://id.example",
    audience: "api",
    algorithms: ["HS256"],
    jwks: { keys: [{ kty: "oct", kid: "1", k: "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk" }] },
  }),
  () => Promise.reject(new Error("nothing is fetched")),
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

it("says what a token opens", async () => {
  const { verdict, grants } = await explainToken(await token(), [issuer], now);
  expect(verdict).toBe("accepted");
  expect(grants).toBe('starting "film" within the scopes "stream:play", until 2026-11-18T11:07:40Z (in 1 min)');
});

const refusedTokens: [code: RefusalCode, what: string, make: () => Promise<string>, at: UnixSeconds][] = [
  ["token_invalid", "a forged one", () => token({}, new Uint8Array(32)), now],
  ["token_expired", "one that has ended", () => token(), timeAfter(now, seconds(600))],
  ["token_invalid", "one without its form", async () => "a.b", now],
];

it.each(refusedTokens)("refuses with %s %s", async (code, _, make, at) => {
  const text = await make();
  const { verdict, refusal, steps } = await explainToken(text, [issuer], at);
  expect([verdict, refusal?.code]).toEqual(["refused", code]);
  expect(steps.find(({ state }) => state === "fails")?.code).toBe(code);
  expect(JSON.stringify(steps)).not.toContain(text);
});

it("shows a stranger's claims in printable ASCII alone, so that none can write on the terminal", async () => {
  const { steps } = await explainToken(await token({ scope: "\u001b[2Jok\u202e\n" }), [issuer], now);
  expect(steps.find(({ part }) => part === "scope")?.text).toBe('"\\u001b[2Jok\\u202e\\n"');
});
