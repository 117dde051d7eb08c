import { beforeEach, describe, expect, it } from "vitest";
import { operatorIssuer } from "../../../src/auth/operator-token.ts";
import { subjectHash, tokenHash } from "../../../src/sessions/identifiers.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

const issuer = "https://id.example";
const week = 604_800;
const never = "9999-12-31T23:59:59Z";
let service: Awaited<ReturnType<typeof sessionService>>;
beforeEach(async () => {
  service = await sessionService();
});
const subject = (name: string) => ({ subject: { issuer, subject: name } });
const tokenOf = (jti: string) => ({ token: { issuer, jti } });
const operators = (jti: string) => ({ token: { issuer: operatorIssuer, jti } });
const login = (sid: string) => ({ login: { issuer, sid } });

describe("the route to revoke", () => {
  it.each(["stream:play", "operator:read operator:keys", "operator:revok", "operator:revoke2", undefined])(
    "refuses the scope %s",
    async (scope) => {
      const refused = await service.revoke({ asset: "film" }, { scope });
      expect(refused).toMatchObject({ refusal: { code: "scope_insufficient", scope: "operator:revoke" } });
      expect(await service.entries()).toEqual([]);
    },
  );

  it("refuses a viewer's token with any scope, and an operator's credential in another scheme", async () => {
    const viewers = await token(service.issuer, { scope: "stream:play operator:revoke", assets: "*" });
    expect(codeOf(await service.revoke({ asset: "film" }, {}, `Bearer ${viewers}`))).toBe("token_invalid");
    const credential = await operatorToken(service.operators);
    expect(codeOf(await service.revoke({ asset: "film" }, {}, `Basic ${credential}`))).not.toBe("ok");
    expect(await service.entries()).toEqual([]);
  });

  it("uses credentials that cannot start a stream", async () => {
    const text = await operatorToken(service.operators, { scope: "stream:play operator:revoke", assets: "*" });
    const context = service.context();
    const credential = presenting(`Bearer ${text}`, context);
    expect(codeOf(await startStream({ ...usualRequest, credential, body: '{"asset":"film"}' }, context))).toBe(
      "token_invalid",
    );
  });

  it("refuses a revoked operator's credentials that were issued before the revocation", async () => {
    opened(await service.revoke({ subject: { issuer: operatorIssuer, subject: "bob" } }));
    const lift = (iat: number | undefined) =>
      service.revoke({ subject: { issuer: operatorIssuer, subject: "bob" }, lift: true }, { sub: "bob", iat });
    expect([codeOf(await lift(now)), codeOf(await lift(undefined))]).toEqual(["token_revoked", "token_revoked"]);
    expect(codeOf(await lift(now + 10))).toBe("ok");
  });

  it("refuses a revoked credential, which could lift its own revocation", async () => {
    opened(await service.revoke(operators("leaked")));
    expect(codeOf(await service.revoke({ ...operators("leaked"), lift: true }, { jti: "leaked" }))).toBe(
      "token_revoked",
    );
    expect(codeOf(await service.revoke({ ...operators("leaked"), lift: true }, { jti: "another" }))).toBe("ok");
  });

  it("refuses a credential whose key was revoked", async () => {
    const kid = service.operators.key.kid;
    opened(await service.revoke({ key: "2026-a" }));
    expect(opened(await service.revoke({ key: kid }))).toEqual({ revoked: "key", until: never });
    expect(codeOf(await service.revoke({ key: kid, lift: true }, { jti: "another", sub: "bob" }))).toBe(
      "token_revoked",
    );
  });

  it("answers store_unavailable while the log is down", async () => {
    service.state.down = "log";
    expect(codeOf(await service.revoke({ asset: "film" }))).toBe("store_unavailable");
    expect(codeOf(await service.revoke({ asset: "film", lift: true }))).toBe("store_unavailable");
  });
});

describe("a revocation", () => {
  it("of a session ends only that session", async () => {
    const [one, other] = [opened(await service.start()), opened(await service.start())];
    expect(opened(await service.revoke({ session: one.sessionId }))).toEqual({
      revoked: "session",
      until: "2026-11-25T11:06:40Z",
    });
    expect([opened(await service.show(one)).state, opened(await service.show(other)).state]).toEqual([
      "revoked",
      "running",
    ]);
  });

  it("of a subject ends their sessions and refuses tokens that were issued before it", async () => {
    const [bobsSession, othersSession] = [
      opened(await service.start({ asset: "film" }, { sub: "bob" })),
      opened(await service.start()),
    ];
    opened(await service.revoke(subject("bob")));
    expect(opened(await service.show(bobsSession, { sub: "bob" })).state).toBe("revoked");
    expect(opened(await service.show(othersSession)).state).toBe("running");
    const code = async (claims: object) => codeOf(await service.start({ asset: "film" }, { sub: "bob", ...claims }));
    expect([await code({ iat: now }), await code({ iat: now - 60 }), await code({})]).toEqual([
      "token_revoked",
      "token_revoked",
      "token_revoked",
    ]);
    service.later(10);
    expect(await code({ iat: now + 10 })).toBe("ok");
    expect(codeOf(await service.start({ asset: "film" }, { sub: "ann", iat: now }))).toBe("ok");
  });

  it("of a subject also ends sessions that start before every isolate has seen it", async () => {
    opened(await service.revoke(subject("bob")));
    const [entry] = await service.entries();
    // The API's snapshot is at most two seconds old.
    expect(entry?.at).toBeGreaterThan(now + 2);
  });

  it("of a subject or a token is logged under a hash per session key and one for starts, without plain names", async () => {
    const keys = await preparedKeys([sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })]);
    const rotating = await sessionService({ keys });
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

  it("of a subject still refuses starts after every key was replaced", async () => {
    opened(await service.revoke(subject("bob")));
    service.state.keys = await preparedKeys([sessionKey("fresh", 9)]);
    expect(codeOf(await service.start({ asset: "film" }, { sub: "bob", iat: now }))).toBe("token_revoked");
  });

  it("of a token ends its sessions and refuses it, and does not affect the viewer's other token", async () => {
    const [one, other] = [
      opened(await service.start({ asset: "film" }, { jti: "t-1" })),
      opened(await service.start({ asset: "film" }, { jti: "t-2" })),
    ];
    opened(await service.revoke(tokenOf("t-1")));
    expect([opened(await service.show(one)).state, opened(await service.show(other)).state]).toEqual([
      "revoked",
      "running",
    ]);
    expect(codeOf(await service.start({ asset: "film" }, { jti: "t-1" }))).toBe("token_revoked");
    expect(codeOf(await service.start({ asset: "film" }, { jti: "t-2" }))).toBe("ok");
  });

  it("of a login ends its sessions and refuses its tokens, and does not affect the viewer's other login", async () => {
    const of = (sid: string) => ({ sub: "bob", sid, jti: `${sid}-token` });
    const [one, other] = [
      opened(await service.start({ asset: "film" }, of("s-1"))),
      opened(await service.start({ asset: "film" }, of("s-2"))),
    ];
    expect(opened(await service.revoke(login("s-1")))).toEqual({ revoked: "login", until: never });
    expect((await service.entries())[0]?.value).not.toContain("s-1");
    expect([
      opened(await service.show(one, of("s-1"))).state,
      opened(await service.show(other, of("s-2"))).state,
    ]).toEqual(["revoked", "running"]);
    const code = async (sid: string) => codeOf(await service.start({ asset: "film" }, of(sid)));
    expect([await code("s-1"), await code("s-2")]).toEqual(["token_revoked", "ok"]);
    expect(codeOf(await service.renew(one, of("s-2")))).toBe("session_revoked");
  });

  it("of a login applies only to the same issuer", async () => {
    opened(await service.revoke({ login: { issuer: "https://other.example", sid: "s-1" } }));
    expect(codeOf(await service.start({ asset: "film" }, { sid: "s-1" }))).toBe("ok");
  });

  it("of an asset ends its sessions and refuses starts permanently", async () => {
    const running = opened(await service.start());
    expect(opened(await service.revoke({ asset: "film" }))).toEqual({ revoked: "asset", until: never });
    expect(opened(await service.show(running)).state).toBe("revoked");
    expect(codeOf(await service.start())).toBe("asset_revoked");
    expect(codeOf(await service.start({ asset: "film-2" }))).toBe("ok");
    service.later(week + 1);
    expect(codeOf(await service.start({ asset: "film" }, { exp: now + 2 * week }))).toBe("asset_revoked");
  });

  it("of a key makes starts use the previous key, and fail without one", async () => {
    const keys = await preparedKeys([sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })]);
    const rotating = await sessionService({ keys });
    const kid = async () => opened(openGrant(opened(await rotating.start()).grant, keys, now)).kid;
    expect(await kid()).toBe("new");
    expect(opened(await rotating.revoke({ key: "new" }))).toEqual({ revoked: "key", until: never });
    expect(await kid()).toBe("old");
    opened(await rotating.revoke({ key: "old" }));
    expect(codeOf(await rotating.start())).toBe("configuration_invalid");
  });
});

describe("a body with lift: true", () => {
  it.each([
    ["session", () => ({ session: "AAAAAAAAAAAAAAAAAAAAAA" })],
    ["subject", () => subject("bob")],
    ["asset", () => ({ asset: "film" })],
    ["token", () => tokenOf("t-1")],
    ["login", () => login("s-1")],
    ["key", () => ({ key: "2026-a" })],
  ])("lifts the revocation of a %s once, and then gets revocation_unknown", async (kind, body) => {
    opened(await service.revoke(body()));
    expect((await service.entries()).every(({ until }) => until > now)).toBe(true);
    expect(opened(await service.revoke({ ...body(), lift: true }))).toEqual({ revoked: kind });
    expect((await service.entries()).every(({ until }) => until <= now)).toBe(true);
    expect(codeOf(await service.revoke({ ...body(), lift: true }))).toBe("revocation_unknown");
  });
});

describe("the counted events", () => {
  it("include each operator's credential and each revocation", async () => {
    opened(await service.revoke({ asset: "film" }));
    opened(await service.revoke({ asset: "film", lift: true }));
    await service.revoke({ asset: "film" }, { scope: "operator:read" });
    await service.revoke("no JSON");
    expect(service.counted).toEqual([
      { event: "validated", by: "operator", outcome: "accepted" },
      { event: "revoked", kind: "asset" },
      { event: "validated", by: "operator", outcome: "accepted" },
      { event: "validated", by: "operator", outcome: "scope_insufficient" },
      { event: "validated", by: "operator", outcome: "accepted" },
    ]);
  });
});

describe("the answer to a revocation", () => {
  it("reports `known: false` for a key or an asset that does not exist", async () => {
    expect(opened(await service.revoke({ key: "2026-a" }))).not.toHaveProperty("known");
    expect(opened(await service.revoke({ asset: "film" }))).not.toHaveProperty("known");
    const withEdge = await sessionService({ edgeKeys: await preparedKeys([sessionKey("cf-1", 3)]) });
    expect(opened(await withEdge.revoke({ key: "cf-1" }))).not.toHaveProperty("known");
    expect(opened(await service.revoke({ key: "2026-A" }))).toMatchObject({ revoked: "key", known: false });
    expect(opened(await service.revoke({ asset: "flim" }))).toMatchObject({ revoked: "asset", known: false });
  });
});

describe("the lifetime of a revocation", () => {
  it("does not begin if `until` is not in the future, and the refusal says so", async () => {
    const session = "AAAAAAAAAAAAAAAAAAAAAA";
    for (const until of [0, now - 1, now])
      expect(await service.revoke({ session, until })).toMatchObject({
        refusal: {
          code: "revocation_invalid",
          faults: [expect.stringContaining(`until: Give a time after now (${now}`)],
        },
      });
    expect(await service.entries()).toEqual([]);
    opened(await service.revoke({ session }));
    expect(opened(await service.revoke({ session, until: now - 1, lift: true }))).toEqual({ revoked: "session" });
  });

  it("of a session is the longest session, or longer if the body says so", async () => {
    const session = "AAAAAAAAAAAAAAAAAAAAAA";
    const until = async (more: object) => opened(await service.revoke({ session, ...more })).until;
    expect(await until({})).toBe("2026-11-25T11:06:40Z");
    expect(await until({ until: now + 60 })).toBe("2026-11-25T11:06:40Z");
    expect(await until({ until: now + 2 * week })).toBe("2026-12-02T11:06:40Z");
  });

  it.each([
    ["token", tokenOf("t-1"), { jti: "t-1" }],
    ["subject", subject("bob"), { sub: "bob", jti: "t-1" }],
    ["login", login("s-1"), { sid: "s-1" }],
  ])("of a %s has no end, so that a token that is valid for years stays refused", async (kind, body, claims) => {
    expect(opened(await service.revoke(body, { exp: now + 20 * 366 * 86_400 }))).toEqual({
      revoked: kind,
      until: never,
    });
    service.later(10 * 366 * 86_400);
    const long = { iat: now, exp: now + 20 * 366 * 86_400, ...claims };
    expect(codeOf(await service.start({ asset: "film" }, long))).toBe("token_revoked");
  });

  it("of the hashes in grants is the longest session", async () => {
    for (const body of [subject("bob"), tokenOf("t-1")]) opened(await service.revoke(body));
    service.later(week);
    expect((await service.entries()).map(({ kind, until }) => [kind, until])).toEqual([
      ["subject", 253_402_300_799],
      ["token", 253_402_300_799],
    ]);
    for (const body of [subject("bob"), tokenOf("t-1")])
      opened(await service.revoke({ ...body, lift: true }, { iat: now + week, exp: now + week + 60 }));
    expect(await service.entries()).toEqual([]);
  });

  it("of a token ends at the body's `until`", async () => {
    opened(await service.revoke({ ...tokenOf("t-1"), until: now + 2 * week }));
    expect(new Set((await service.entries()).map(({ until }) => until))).toEqual(new Set([now + 2 * week]));
  });

  it("of an operator's credential or name has no end", async () => {
    expect(opened(await service.revoke(operators("o-2"))).until).toBe(never);
    expect(opened(await service.revoke({ subject: { issuer: operatorIssuer, subject: "bob" } })).until).toBe(never);
  });

  it("of an asset ends at the body's `until`", async () => {
    expect(opened(await service.revoke({ asset: "film", until: now + 2 * week })).until).toBe("2026-12-02T11:06:40Z");
  });
});

describe("the body of a revocation", () => {
  it.each(["", "session=1", '{"asset":"film"'])("is refused if it is not JSON: %j", async (body) => {
    expect(codeOf(await service.revoke(body))).toBe("body_invalid");
    expect(await service.entries()).toEqual([]);
  });

  it.each([
    ["no target", {}],
    ["null", "null"],
    ["a key whose kid no ring could have", { key: "a|b" }],
    ["two targets", { asset: "film", key: "2026-a" }],
    ["an unknown member", { asset: "film", because: "x" }],
    ["a session id that is too short", { session: "AAAA" }],
    ["a session id in a non-canonical spelling", { session: `${"A".repeat(21)}B` }],
    ["a session id with padding", { session: `${"A".repeat(22)}==` }],
    ["a subject without its issuer", { subject: { subject: "bob" } }],
    ["a subject as a string", { subject: "bob" }],
    ["an empty subject", subject("")],
    ["a token without its issuer", { token: { jti: "t-1" } }],
    ["a login without its issuer", { login: { sid: "s-1" } }],
    ["a login as a string", { login: "s-1" }],
    ["an invalid asset id", { asset: "../film" }],
    ["an `until` in milliseconds", { asset: "film", until: now * 1000 }],
    ["an `until` with a fraction", { asset: "film", until: now + 0.5 }],
    ["a negative `until`", { asset: "film", until: -1 }],
    ["an `until` as a string", { asset: "film", until: "2027-01-01T00:00:00Z" }],
    ["`lift` as a string", { asset: "film", lift: "false" }],
  ])("is refused with %s, and nothing is revoked", async (_, body) => {
    expect(codeOf(await service.revoke(body))).toBe("revocation_invalid");
    expect(await service.entries()).toEqual([]);
  });
});
