import { describe, expect, it } from "vitest";
import { secretsIn, testPassword, withoutSecrets } from "../../cluster/secrets.ts";
import { newPair, token } from "../auth/tokens.ts";
import { grantOf, keyOf, preparedKeys } from "../signing/session.ts";

const key = keyOf(await preparedKeys(), "2026-a");
const jwt = await token(await newPair("ES256"));

describe("the search for secrets in logs", () => {
  it.each([
    ["a token", jwt],
    ["a token", '{"reason":"the token eyJhbGciOiJub25lIn0.e30. is none"}'],
    ["a grant", grantOf(key)],
    ["a grant", `{"reason":"GET /${grantOf(key)}/film/0.ts"}`],
    ["a signature", "/film/0.ts?seg=1795000300.AAAAAAAAAAAAAAAAAAAAAA"],
    ["a signature", "/film/index.m3u8?a=b&list=1795000300."],
    ["a CloudFront signature or policy", "/sea/0.ts?Expires=1&Signature=abcDEF123~-_abcDEF123&Key-Pair-Id=K1"],
    ["a CloudFront signature or policy", "Policy=eyABCDEFGHIJKLMNOP~"],
    ["a session cookie", "cookie: __Host-stagedoor.session_token=x"],
    ["a session cookie", "__Host-stagedoor.session_token%3Dx"],
    ["a token of the identity worker", '{"token":"aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD"}'],
    ["a token of the identity worker", "aBcdEfghIjklMnopQrstUvwxYzabCdef.c2lnbmF0dXJl%3D"],
    ["a password", `signs in with ${testPassword} and more`],
    ["a password's field", '{\\"email\\":\\"a\\",\\"password\\":\\"x\\"}'],
    ["a private key", '{"kty":"EC","d":"AAAAAAAAAAAA"}'],
    ["a private key", '{\\"kty\\":\\"oct\\",\\"k\\":\\"AAAAAAAAAAAA\\"}'],
    ["a private key", "-----BEGIN PRIVATE KEY-----"],
    ["a credential", "Authorization: Bearer abcdefgh"],
    ["an identity", `"subject":"viewer-${crypto.randomUUID()}"`],
    ["an identity", "no user ann@limits.example"],
  ])("finds %s in %s and can remove it", (kind, line) => {
    expect(secretsIn(line)).toContain(kind);
    expect(secretsIn(withoutSecrets(line))).toEqual([]);
  });

  it("finds secrets that only a cluster has, at any position", () => {
    expect(secretsIn("the origin wants open-sesame!", ["open-sesame"])).toEqual(["a secret of the cluster's"]);
    expect(withoutSecrets("the origin wants open-sesame!", ["open-sesame"])).toBe("the origin wants […]!");
    expect(secretsIn("the origin wants open-sesame!")).toEqual([]);
  });

  it.each([
    '{"worker":"edge","event":"refused","code":"signature_expired","reason":"the URL ended 3 s ago","request":"abababababababab"}',
    '{"worker":"api","event":"refused","code":"grant_invalid","reason":"x","request":"9f1c2d3e4a5b6c7d-FRA","subject":"DTit8lOzqKTR2kkSqJA9qA"}',
    '{"worker":"api","event":"identity_refused","status":401,"path":"/sign-in/email","request":"0123456789abcdef"}',
    '{"worker":"api","event":"error","error":"TypeError at startStream (api.mjs:12345:67) at async file.mjs:1:1"}',
    '{"worker":"api","event":"configuration_invalid","fault":"STAGEDOOR_KEYS: no key has the purpose session"}',
    `{"object":"${"0123456789abcdef".repeat(4)}","reason":"no Bearer token came"}`,
  ])("finds nothing in our own log line %s", (line) => {
    expect(secretsIn(line)).toEqual([]);
  });
});
