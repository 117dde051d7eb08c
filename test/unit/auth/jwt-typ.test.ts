import { describe, expect, it } from "vitest";
import { now } from "../signing/session.ts";
import { audience, judge, newPair, token, trusting } from "./tokens.ts";

const pair = await newPair("ES256");

const outcome = async (typ: unknown, settings: object = {}, claims: Readonly<Record<string, unknown>> = {}) =>
  judge(await token(pair, claims, JSON.parse(JSON.stringify({ typ }))), [trusting([pair.jwk], { ...settings })]);

describe("without a configured typ, a token's typ (RFC 8725 §3.11)", () => {
  it.each([undefined, "JWT", "jwt", "application/jwt", "at+jwt", "AT+JWT", "application/at+jwt"])(
    "can be %j",
    async (typ) => {
      expect(await outcome(typ)).toBe("ok");
    },
  );

  it.each([
    "dpop+jwt",
    "logout+jwt",
    "secevent+jwt",
    "application/secevent+jwt",
    "token-introspection+jwt",
    "text/jwt",
    "application/application/jwt",
    " JWT",
    "",
    null,
    7,
    ["JWT"],
    { typ: "JWT" },
  ])("cannot be %j, which marks another kind of token", async (typ) => {
    expect(await outcome(typ)).toBe("token_invalid");
  });
});

describe("with the configured typ at+jwt, an access token (RFC 9068)", () => {
  const rfc9068Claims = { client_id: "player", iat: now, jti: "t-1" };

  it.each(["at+jwt", "application/at+jwt", "At+Jwt"])(
    "is accepted with the typ %s and all required claims",
    async (typ) => {
      expect(await outcome(typ, { typ: "at+jwt" }, rfc9068Claims)).toBe("ok");
      expect(await outcome("at+jwt", { typ }, rfc9068Claims)).toBe("ok");
    },
  );

  it.each([undefined, "JWT", "dpop+jwt"])("is refused with the typ %j", async (typ) => {
    expect(await outcome(typ, { typ: "at+jwt" }, rfc9068Claims)).toBe("token_invalid");
  });

  it.each(["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])("is refused without %s (§2.2)", async (claim) => {
    expect(await outcome("at+jwt", { typ: "at+jwt" }, { ...rfc9068Claims, [claim]: undefined })).toBe("token_invalid");
    expect(await outcome("at+jwt", { typ: "at+jwt" }, { ...rfc9068Claims, [claim]: null })).toBe("token_invalid");
  });

  it("is refused without a matching aud, even if another claim names the audience", async () => {
    const settings = { typ: "at+jwt", audienceClaim: "client_id" };
    const claims = { ...rfc9068Claims, client_id: audience };
    expect(await outcome("at+jwt", settings, claims)).toBe("ok");
    expect(await outcome("at+jwt", settings, { ...claims, aud: undefined })).toBe("token_invalid");
    expect(await outcome("at+jwt", settings, { ...claims, aud: "other" })).toBe("token_invalid");
  });

  it("is refused without sub, even if another claim names the viewer", async () => {
    const settings = { typ: "at+jwt", subjectClaim: "uid" };
    expect(await outcome("at+jwt", settings, { ...rfc9068Claims, uid: "u" })).toBe("ok");
    expect(await outcome("at+jwt", settings, { ...rfc9068Claims, uid: "u", sub: undefined })).toBe("token_invalid");
  });
});

it("a configured typ is the only one that is accepted", async () => {
  expect([
    await outcome("vnd.film+jwt", { typ: "vnd.film+jwt" }),
    await outcome("JWT", { typ: "vnd.film+jwt" }),
  ]).toEqual(["ok", "token_invalid"]);
});

it("a token is accepted if it names one of several configured audiences", async () => {
  const settings = { audience: ["https://a.example", "https://b.example"] };
  expect(await outcome(undefined, settings, { aud: "https://b.example" })).toBe("ok");
  expect(await outcome(undefined, settings, { aud: ["x", "https://a.example"] })).toBe("ok");
  expect(await outcome(undefined, settings, { aud: "https://c.example" })).toBe("token_invalid");
});
