import { beforeEach, describe, expect, it } from "vitest";
import { operatorIssuer } from "../../../src/auth/operator-token.ts";
import { subjectHash, tokenHash } from "../../../src/sessions/identifiers.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { codeOf, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

const issuer = "https://id.example";
const week = 604_800;
const never = "9999-12-31T23:59:59Z";
let stage: Awaited<ReturnType<typeof sessionStage>>;
beforeEach(async () => {
  stage = await sessionStage();
});
const subject = (name: string) => ({ subject: { issuer, subject: name } });
const tokenOf = (jti: string) => ({ token: { issuer, jti } });
const operators = (jti: string) => ({ token: { issuer: operatorIssuer, jti } });
const login = (sid: string) => ({ login: { issuer, sid } });

describe("who may revoke", () => {
  it.each(["stream:play", "operator:read operator:keys", "operator:revok", "operator:revoke2", undefined])(
    "is not who has the scope %s",
    async (scope) => {
      const refused = await stage.revoke({ asset: "film" }, { scope });
      expect(refused).toMatchObject({ refusal: { code: "scope_insufficient", scope: "operator:revoke" } });
      expect(await stage.entries()).toEqual([]);
    },
  );

  it("is no viewer, whatever scope his token has, and however it is presented", async () => {
    const viewers = await token(stage.issuer, { scope: "stream:play operator:revoke", assets: "*" });
    expect(codeOf(await stage.revoke({ asset: "film" }, {}, `Bearer ${viewers}`))).toBe("token_invalid");
    const own = await operatorToken(stage.operators);
    expect(codeOf(await stage.revoke({ asset: "film" }, {}, `Basic ${own}`))).not.toBe("ok");
    expect(await stage.entries()).toEqual([]);
  });

  it("is who starts no stream with it", async () => {
    const own = await operatorToken(stage.operators, { scope: "stream:play operator:revoke", assets: "*" });
    const context = stage.context();
    const credential = presenting(`Bearer ${own}`, context);
    expect(codeOf(await startStream({ ...usualRequest, credential, body: '{"asset":"film"}' }, context))).toBe(
      "token_invalid",
    );
  });

  it("is not who was revoked by name, with what he was given until then", async () => {
    opened(await stage.revoke({ subject: { issuer: operatorIssuer, subject: "bob" } }));
    const lift = (iat: number | undefined) =>
      stage.revoke({ subject: { issuer: operatorIssuer, subject: "bob" }, lift: true }, { sub: "bob", iat });
    expect([codeOf(await lift(now)), codeOf(await lift(undefined))]).toEqual(["token_revoked", "token_revoked"]);
    expect(codeOf(await lift(now + 10))).toBe("ok");
  });

  it("is nobody with a token that was revoked: he would take that back", async () => {
    opened(await stage.revoke(operators("leaked")));
    expect(codeOf(await stage.revoke({ ...operators("leaked"), lift: true }, { jti: "leaked" }))).toBe("token_revoked");
    expect(codeOf(await stage.revoke({ ...operators("leaked"), lift: true }, { jti: "another" }))).toBe("ok");
  });

  it("is nobody whose credential was signed by a key that was revoked", async () => {
    const kid = stage.operators.key.kid;
    opened(await stage.revoke({ key: "2026-a" }));
    expect(opened(await stage.revoke({ key: kid }))).toEqual({ revoked: "key", until: never });
    expect(codeOf(await stage.revoke({ key: kid, lift: true }, { jti: "another", sub: "bob" }))).toBe("token_revoked");
  });

  it("is store_unavailable while the log does not answer", async () => {
    stage.state.down = "log";
    expect(codeOf(await stage.revoke({ asset: "film" }))).toBe("store_unavailable");
    expect(codeOf(await stage.revoke({ asset: "film", lift: true }))).toBe("store_unavailable");
  });
});

describe("what a revocation does", () => {
  it("a session: it alone is ended", async () => {
    const [one, other] = [opened(await stage.start()), opened(await stage.start())];
    expect(opened(await stage.revoke({ session: one.sessionId }))).toEqual({
      revoked: "session",
      until: "2026-11-25T11:06:40Z",
    });
    expect([opened(await stage.show(one)).state, opened(await stage.show(other)).state]).toEqual([
      "revoked",
      "running",
    ]);
  });

  it("a subject: his sessions are ended, tokens given out so far start nothing, and later ones do", async () => {
    const [his, hers] = [opened(await stage.start({ asset: "film" }, { sub: "bob" })), opened(await stage.start())];
    opened(await stage.revoke(subject("bob")));
    expect(opened(await stage.show(his, { sub: "bob" })).state).toBe("revoked");
    expect(opened(await stage.show(hers)).state).toBe("running");
    const code = async (claims: object) => codeOf(await stage.start({ asset: "film" }, { sub: "bob", ...claims }));
    expect([await code({ iat: now }), await code({ iat: now - 60 }), await code({})]).toEqual([
      "token_revoked",
      "token_revoked",
      "token_revoked",
    ]);
    stage.later(10);
    expect(await code({ iat: now + 10 })).toBe("ok");
    expect(codeOf(await stage.start({ asset: "film" }, { sub: "ann", iat: now }))).toBe("ok");
  });

  it("a subject: what a start gives out that has not heard of it yet ends too", async () => {
    opened(await stage.revoke(subject("bob")));
    const [entry] = await stage.entries();
    // The API's own knowledge is two seconds old at most.
    expect(entry?.at).toBeGreaterThan(now + 2);
  });

  it("a subject and a token: under every name that they have, one for each key in the ring and one for starts", async () => {
    const keys = await preparedKeys([sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })]);
    const rotating = await sessionStage({ keys });
    opened(await rotating.revoke(subject("bob")));
    opened(await rotating.revoke(tokenOf("t-1")));
    const values = (await rotating.entries()).map(({ value }) => value);
    for (const key of keys.values()) {
      expect(values).toContain(subjectHash(key, issuer, "bob"));
      expect(values).toContain(tokenHash(key, issuer, "t-1"));
    }
    expect(values).toHaveLength(6);
    expect(values.join()).not.toMatch(/bob|t-1/);
  });

  it("a subject: holds for starts after every key has been exchanged", async () => {
    opened(await stage.revoke(subject("bob")));
    stage.state.keys = await preparedKeys([sessionKey("fresh", 9)]);
    expect(codeOf(await stage.start({ asset: "film" }, { sub: "bob", iat: now }))).toBe("token_revoked");
  });

  it("a token: it starts nothing more, and what it has started is ended; the viewer's other token is as it was", async () => {
    const [one, other] = [
      opened(await stage.start({ asset: "film" }, { jti: "t-1" })),
      opened(await stage.start({ asset: "film" }, { jti: "t-2" })),
    ];
    opened(await stage.revoke(tokenOf("t-1")));
    expect([opened(await stage.show(one)).state, opened(await stage.show(other)).state]).toEqual([
      "revoked",
      "running",
    ]);
    expect(codeOf(await stage.start({ asset: "film" }, { jti: "t-1" }))).toBe("token_revoked");
    expect(codeOf(await stage.start({ asset: "film" }, { jti: "t-2" }))).toBe("ok");
  });

  it("a login: what came from it is ended and its tokens start nothing, and the viewer's other login is as it was", async () => {
    const of = (sid: string) => ({ sub: "bob", sid, jti: `${sid}-token` });
    const [one, other] = [
      opened(await stage.start({ asset: "film" }, of("s-1"))),
      opened(await stage.start({ asset: "film" }, of("s-2"))),
    ];
    expect(opened(await stage.revoke(login("s-1")))).toEqual({ revoked: "login", until: never });
    expect((await stage.entries())[0]?.value).not.toContain("s-1");
    expect([opened(await stage.show(one, of("s-1"))).state, opened(await stage.show(other, of("s-2"))).state]).toEqual([
      "revoked",
      "running",
    ]);
    const code = async (sid: string) => codeOf(await stage.start({ asset: "film" }, of(sid)));
    expect([await code("s-1"), await code("s-2")]).toEqual(["token_revoked", "ok"]);
    expect(codeOf(await stage.renew(one, of("s-2")))).toBe("session_revoked");
  });

  it("a login: is that of its issuer alone", async () => {
    opened(await stage.revoke({ login: { issuer: "https://other.example", sid: "s-1" } }));
    expect(codeOf(await stage.start({ asset: "film" }, { sid: "s-1" }))).toBe("ok");
  });

  it("an asset: it is withdrawn, until that is lifted", async () => {
    const running = opened(await stage.start());
    expect(opened(await stage.revoke({ asset: "film" }))).toEqual({ revoked: "asset", until: never });
    expect(opened(await stage.show(running)).state).toBe("revoked");
    expect(codeOf(await stage.start())).toBe("asset_revoked");
    expect(codeOf(await stage.start({ asset: "film-2" }))).toBe("ok");
    stage.later(week + 1);
    expect(codeOf(await stage.start({ asset: "film" }, { exp: now + 2 * week }))).toBe("asset_revoked");
  });

  it("a key: it signs no more, and the one before it does", async () => {
    const keys = await preparedKeys([sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })]);
    const rotating = await sessionStage({ keys });
    const kid = async () => opened(openGrant(opened(await rotating.start()).grant, keys, now)).kid;
    expect(await kid()).toBe("new");
    expect(opened(await rotating.revoke({ key: "new" }))).toEqual({ revoked: "key", until: never });
    expect(await kid()).toBe("old");
    opened(await rotating.revoke({ key: "old" }));
    expect(codeOf(await rotating.start())).toBe("configuration_invalid");
  });
});

describe("lift: true", () => {
  it.each([
    ["session", () => ({ session: "AAAAAAAAAAAAAAAAAAAAAA" })],
    ["subject", () => subject("bob")],
    ["asset", () => ({ asset: "film" })],
    ["token", () => tokenOf("t-1")],
    ["login", () => login("s-1")],
    ["key", () => ({ key: "2026-a" })],
  ])("takes the revocation of a %s back, and says so where there is none", async (kind, body) => {
    opened(await stage.revoke(body()));
    expect((await stage.entries()).every(({ until }) => until > now)).toBe(true);
    expect(opened(await stage.revoke({ ...body(), lift: true }))).toEqual({ revoked: kind });
    expect((await stage.entries()).every(({ until }) => until <= now)).toBe(true);
    expect(codeOf(await stage.revoke({ ...body(), lift: true }))).toBe("revocation_unknown");
  });
});

describe("what is counted", () => {
  it("is each operator's credential, and what was revoked with it", async () => {
    opened(await stage.revoke({ asset: "film" }));
    opened(await stage.revoke({ asset: "film", lift: true }));
    await stage.revoke({ asset: "film" }, { scope: "operator:read" });
    await stage.revoke("no JSON");
    expect(stage.counted).toEqual([
      { event: "validated", by: "operator", outcome: "accepted" },
      { event: "revoked", kind: "asset" },
      { event: "validated", by: "operator", outcome: "accepted" },
      { event: "validated", by: "operator", outcome: "scope_insufficient" },
      { event: "validated", by: "operator", outcome: "accepted" },
    ]);
  });
});

describe("an operator who misspells", () => {
  it("a key or an asset is told that there is none of that name", async () => {
    expect(opened(await stage.revoke({ key: "2026-a" }))).not.toHaveProperty("known");
    expect(opened(await stage.revoke({ asset: "film" }))).not.toHaveProperty("known");
    expect(opened(await stage.revoke({ key: "2026-A" }))).toMatchObject({ revoked: "key", known: false });
    expect(opened(await stage.revoke({ asset: "flim" }))).toMatchObject({ revoked: "asset", known: false });
  });
});

describe("how long a revocation lives", () => {
  it("of a session is as long as the longest session, or longer where the body says so", async () => {
    const session = "AAAAAAAAAAAAAAAAAAAAAA";
    const until = async (more: object) => opened(await stage.revoke({ session, ...more })).until;
    expect(await until({})).toBe("2026-11-25T11:06:40Z");
    expect(await until({ until: now + 60 })).toBe("2026-11-25T11:06:40Z");
    expect(await until({ until: now + 2 * week })).toBe("2026-12-02T11:06:40Z");
  });

  it.each([
    ["token", tokenOf("t-1"), { jti: "t-1" }],
    ["subject", subject("bob"), { sub: "bob", jti: "t-1" }],
    ["login", login("s-1"), { sid: "s-1" }],
  ])("of a %s has no end: a token that lasts for years is refused for as long", async (kind, body, claims) => {
    expect(opened(await stage.revoke(body, { exp: now + 20 * 366 * 86_400 }))).toEqual({ revoked: kind, until: never });
    stage.later(10 * 366 * 86_400);
    const long = { iat: now, exp: now + 20 * 366 * 86_400, ...claims };
    expect(codeOf(await stage.start({ asset: "film" }, long))).toBe("token_revoked");
  });

  it("keeps the names that only grants have for no longer than the longest session", async () => {
    for (const body of [subject("bob"), tokenOf("t-1")]) opened(await stage.revoke(body));
    stage.later(week);
    expect((await stage.entries()).map(({ kind, until }) => [kind, until])).toEqual([
      ["subject", 253_402_300_799],
      ["token", 253_402_300_799],
    ]);
    for (const body of [subject("bob"), tokenOf("t-1")])
      opened(await stage.revoke({ ...body, lift: true }, { iat: now + week, exp: now + week + 60 }));
    expect(await stage.entries()).toEqual([]);
  });

  it("of a token is what the body says, where its end is known", async () => {
    opened(await stage.revoke({ ...tokenOf("t-1"), until: now + 2 * week }));
    expect(new Set((await stage.entries()).map(({ until }) => until))).toEqual(new Set([now + 2 * week]));
  });

  it("is for good where it ends an operator", async () => {
    expect(opened(await stage.revoke(operators("o-2"))).until).toBe(never);
    expect(opened(await stage.revoke({ subject: { issuer: operatorIssuer, subject: "bob" } })).until).toBe(never);
  });

  it("is for an asset what the body says, where it does", async () => {
    expect(opened(await stage.revoke({ asset: "film", until: now + 2 * week })).until).toBe("2026-12-02T11:06:40Z");
  });
});

describe("the body of a revocation", () => {
  it.each(["", "session=1", '{"asset":"film"'])("is refused where it is not JSON, as anywhere: %j", async (body) => {
    expect(codeOf(await stage.revoke(body))).toBe("body_invalid");
    expect(await stage.entries()).toEqual([]);
  });

  it.each([
    ["nothing to revoke", {}],
    ["null", "null"],
    ["two things at once", { asset: "film", key: "2026-a" }],
    ["something unknown beside it", { asset: "film", reason: "x" }],
    ["a session id that is too short", { session: "AAAA" }],
    ["a session id in a spelling that no grant has", { session: `${"A".repeat(21)}B` }],
    ["a session id with padding", { session: `${"A".repeat(22)}==` }],
    ["a subject without its issuer", { subject: { subject: "bob" } }],
    ["a subject as a text", { subject: "bob" }],
    ["an empty subject", subject("")],
    ["a token without its issuer", { token: { jti: "t-1" } }],
    ["a login without its issuer", { login: { sid: "s-1" } }],
    ["a login as a text", { login: "s-1" }],
    ["an asset that cannot be one", { asset: "../film" }],
    ["an end in milliseconds", { asset: "film", until: now * 1000 }],
    ["an end with a fraction", { asset: "film", until: now + 0.5 }],
    ["an end before time began", { asset: "film", until: -1 }],
    ["an end as a text", { asset: "film", until: "2027-01-01T00:00:00Z" }],
    ["lift as a text", { asset: "film", lift: "false" }],
  ])("is refused with %s, and nothing is revoked", async (_, body) => {
    expect(codeOf(await stage.revoke(body))).toBe("revocation_invalid");
    expect(await stage.entries()).toEqual([]);
  });
});
