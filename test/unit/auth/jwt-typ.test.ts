import { describe, expect, it } from "vitest";
import { now } from "../signing/session.ts";
import { audience, judge, newPair, token, trusting } from "./tokens.ts";

const pair = await newPair("ES256");

const judged = async (typ: unknown, settings: object = {}, claims: Readonly<Record<string, unknown>> = {}) =>
  judge(await token(pair, claims, JSON.parse(JSON.stringify({ typ }))), [trusting([pair.jwk], { ...settings })]);

describe("the typ of a token, where none is pinned (RFC 8725 §3.11)", () => {
  it.each([undefined, "JWT", "jwt", "application/jwt", "at+jwt", "AT+JWT", "application/at+jwt"])(
    "may be %j",
    async (typ) => {
      expect(await judged(typ)).toBe("ok");
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
  ])("may not be %j: that is another kind of token of the same issuer", async (typ) => {
    expect(await judged(typ)).toBe("token_invalid");
  });
});

describe("an access token as RFC 9068 has it, where that is pinned", () => {
  const whole = { client_id: "player", iat: now, jti: "t-1" };

  it.each(["at+jwt", "application/at+jwt", "At+Jwt"])("has the typ %s, and all claims", async (typ) => {
    expect(await judged(typ, { typ: "at+jwt" }, whole)).toBe("ok");
    expect(await judged("at+jwt", { typ }, whole)).toBe("ok");
  });

  it.each([undefined, "JWT", "dpop+jwt"])("is not one of typ %j", async (typ) => {
    expect(await judged(typ, { typ: "at+jwt" }, whole)).toBe("token_invalid");
  });

  it.each(["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])("has to have %s (§2.2)", async (claim) => {
    expect(await judged("at+jwt", { typ: "at+jwt" }, { ...whole, [claim]: undefined })).toBe("token_invalid");
    expect(await judged("at+jwt", { typ: "at+jwt" }, { ...whole, [claim]: null })).toBe("token_invalid");
  });

  it("has to have aud though another claim names the audience", async () => {
    const settings = { typ: "at+jwt", audienceClaim: "client_id" };
    const claims = { ...whole, client_id: audience };
    expect(await judged("at+jwt", settings, claims)).toBe("ok");
    expect(await judged("at+jwt", settings, { ...claims, aud: undefined })).toBe("token_invalid");
    expect(await judged("at+jwt", settings, { ...claims, aud: "other" })).toBe("token_invalid");
  });

  it("names its sub though another claim names the viewer", async () => {
    const settings = { typ: "at+jwt", subjectClaim: "uid" };
    expect(await judged("at+jwt", settings, { ...whole, uid: "u" })).toBe("ok");
    expect(await judged("at+jwt", settings, { ...whole, uid: "u", sub: undefined })).toBe("token_invalid");
  });
});

it("another typ that is pinned is the only one", async () => {
  expect([await judged("vnd.film+jwt", { typ: "vnd.film+jwt" }), await judged("JWT", { typ: "vnd.film+jwt" })]).toEqual(
    ["ok", "token_invalid"],
  );
});

it("one audience of several is enough", async () => {
  const settings = { audience: ["https://a.example", "https://b.example"] };
  expect(await judged(undefined, settings, { aud: "https://b.example" })).toBe("ok");
  expect(await judged(undefined, settings, { aud: ["x", "https://a.example"] })).toBe("ok");
  expect(await judged(undefined, settings, { aud: "https://c.example" })).toBe("token_invalid");
});
