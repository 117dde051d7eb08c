import { beforeEach, describe, expect, it } from "vitest";
import type { OpenedSession } from "../../../src/sessions/open-session.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { claimsOf, grantOf, keyOf, now, preparedKeys } from "../signing/session.ts";
import { asset, codeOf, here, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

type SessionService = Awaited<ReturnType<typeof sessionService>>;

const routes = ["show", "renew", "end"] as const;
const keys = await preparedKeys();
let service: SessionService;
let session: OpenedSession;
beforeEach(async () => {
  service = await sessionService({ keys });
  session = opened(await service.start({ asset: "film" }, { sub: "ann", jti: "t-1" }));
});
const ann = { sub: "ann" };

describe.each(routes)("the route to %s a session", (route) => {
  const code = async (more: Parameters<SessionService["show"]>[2] = {}, claims: object = ann) =>
    codeOf(await service[route](session, { ...claims }, more));

  it("accepts the session's grant with a token of its issuer and subject", async () => {
    expect(await code()).toBe("ok");
  });

  it("refuses a request without a bearer token or with an expired one", async () => {
    expect(await code({ credential: usualRequest.credential })).toBe("token_missing");
    expect(await code({}, { ...ann, exp: now - 61 })).toBe("token_expired");
  });

  it("validates the token only after the grant, so that forged tokens cause no calls", async () => {
    const validations: string[] = [];
    const forged = presenting("Bearer made-up", service.context());
    const credential = {
      ...forged,
      validate: () => {
        validations.push("validate");
        return forged.validate();
      },
    };
    const other = opened(await service.start({ asset: "film" }, ann));
    const staging = { ...claimsOf({ sessionId: session.sessionId }), issuer: "staging" };
    for (const more of [
      { grant: undefined },
      { grant: "x" },
      { grant: other.grant },
      { grant: grantOf(keyOf(keys, "2026-a"), staging) },
    ])
      expect(await code({ credential, ...more })).toMatch(/^(session_unknown|grant_invalid)$/);
    service.later(21_600);
    expect(await code({ credential })).toBe("grant_expired");
    expect(validations).toEqual([]);
    service.later(-1);
    expect(await code({ credential })).toBe("token_invalid");
    expect(validations).toHaveLength(1);
  });

  it("refuses the session id without a grant as an unknown session", async () => {
    expect(await code({ grant: undefined })).toBe("session_unknown");
  });

  it("refuses the grant of another session", async () => {
    const other = opened(await service.start({ asset: "film" }, ann));
    expect(await code({ grant: other.grant })).toBe("session_unknown");
    expect(await code({ id: other.sessionId })).toBe("session_unknown");
  });

  it("refuses another viewer who copied the grant from a URL", async () => {
    expect(await code({}, { sub: "bob" })).toBe("session_forbidden");
    expect(opened(await service.show(session, ann)).state).toBe("running");
  });

  it.each([
    ["is not a grant", "grant"],
    ["has a changed byte", undefined],
  ])("refuses a text as a grant if it %s", async (_, text) => {
    const changed = `${session.grant.slice(0, 40)}${session.grant[40] === "A" ? "B" : "A"}${session.grant.slice(41)}`;
    expect(await code({ grant: text ?? changed })).toBe("grant_invalid");
  });

  it("refuses a grant for files, which holds no lease and was not counted as a stream", async () => {
    const { sessionId, subject } = opened(openGrant(session.grant, keys, now));
    const grant = grantOf(keyOf(keys, "2026-a"), claimsOf({ sessionId, subject, use: "files" }));
    expect(await code({ grant })).toBe("session_unknown");
  });

  it("refuses a grant of another deployment that shares the key", async () => {
    const key = keyOf(keys, "2026-a");
    const { subject, sessionId } = opened(openGrant(session.grant, keys, now));
    const grant = grantOf(key, claimsOf({ subject, sessionId, issuer: "staging" }));
    expect(await code({ grant })).toBe("grant_invalid");
  });

  it("refuses an expired grant", async () => {
    service.later(21_600);
    expect(await code({}, { ...ann, exp: now + 30_000 })).toBe("grant_expired");
  });

  it("treats a session whose key was revoked as revoked, because its grant can be forged", async () => {
    opened(await service.revoke({ key: "2026-a" }));
    if (route === "show") expect(opened(await service.show(session, ann)).state).toBe("revoked");
    else expect(await code()).toBe("session_revoked");
    expect((await service.entries()).map(({ kind }) => kind)).toEqual(["key"]);
  });

  it("answers store_unavailable while the streams or the log are down", async () => {
    for (const down of ["streams", "log"] as const) {
      service.state.down = down;
      expect(await code()).toBe("store_unavailable");
    }
  });
});

describe("the view of a session", () => {
  it("has its asset, its times and its state", async () => {
    service.later(10);
    expect(opened(await service.show(session, ann))).toEqual({
      sessionId: session.sessionId,
      asset: "film",
      state: "running",
      startedAt: "2026-11-18T11:06:40Z",
      lastSeenAt: "2026-11-18T11:06:40Z",
      networks: 0,
      sessionExpiresAt: "2026-11-18T17:06:40Z",
    });
  });

  it("has the state idle after a lease without requests", async () => {
    service.later(90);
    expect(opened(await service.show(session, ann)).state).toBe("idle");
  });

  it("has the state revoked after its asset was revoked", async () => {
    opened(await service.revoke({ asset: "film" }));
    expect(opened(await service.show(session, ann)).state).toBe("revoked");
  });
});

describe("a session's renewal", () => {
  it("keeps its id and issues a new grant and manifest URL with new expiry times", async () => {
    service.later(1000);
    const renewed = opened(await service.renew(session, { ...ann, exp: now + 5000 }));
    expect(renewed.sessionId).toBe(session.sessionId);
    expect(renewed.grant).not.toBe(session.grant);
    expect(renewed.sessionExpiresAt).toBe("2026-11-18T17:23:20Z");
    expect(renewed.manifestExpiresAt).toBe("2026-11-18T11:28:20Z");
    expect(opened(openGrant(renewed.grant, keys, now))).toMatchObject({
      sessionId: session.sessionId,
      prefix: "/film/",
    });
    expect(renewed.manifestUrl).toContain(renewed.grant);
  });

  it.each([
    ['{"viewer": {"subject": "bob"}}', "viewer: Leave it out."],
    ['{"takeover": true}', "takeover: no such member"],
    ['{"viewer": 1, "viewer": 2}', "the body: Name each member once."],
    ["grant=1", "the body: Send JSON, not a form"],
  ])("ignores no body of a viewer: %s", async (body, fault) => {
    expect(await service.renew(session, ann, { body })).toMatchObject({
      ok: false,
      refusal: { code: "body_invalid", faults: [expect.stringContaining(fault)] },
    });
    for (const empty of ["", " ", "{}"]) opened(await service.renew(session, ann, { body: empty }));
  });

  it("accepts the grant of an earlier renewal", async () => {
    service.later(60);
    const renewed = opened(await service.renew(session, ann));
    service.later(60);
    expect(opened(await service.renew(renewed, ann)).sessionId).toBe(session.sessionId);
  });

  it("needs no additional stream while the session has its lease", async () => {
    const limited = await sessionService({ settings: { streamLimit: 1 } });
    const only = opened(await limited.start());
    opened(await limited.renew(only));
    limited.later(100);
    const other = opened(await limited.start());
    expect(codeOf(await limited.renew(only))).toBe("stream_limit");
    opened(await limited.end(other));
    opened(await limited.renew(only));
  });

  it("checks scope, assets and revocations as a start does", async () => {
    expect(codeOf(await service.renew(session, { ...ann, scope: "openid" }))).toBe("scope_insufficient");
    expect(codeOf(await service.renew(session, { ...ann, assets: ["film-2"] }))).toBe("asset_forbidden");
    const revoked = { ...ann, jti: "t-2" };
    opened(await service.revoke({ token: { issuer: "https://id.example", jti: "t-2" } }));
    expect(codeOf(await service.renew(session, revoked))).toBe("token_revoked");
    expect(codeOf(await service.renew(session, ann))).toBe("ok");
  });

  it.each([
    ["after its viewer ended it", async () => opened(await service.end(session, ann))],
    ["after an operator ended it", async () => opened(await service.revoke({ session: session.sessionId }))],
    [
      "after the token of its start was revoked",
      async () => opened(await service.revoke({ token: { issuer: "https://id.example", jti: "t-1" } })),
    ],
    [
      "after its viewer was revoked, even with a newer token",
      async () => opened(await service.revoke({ subject: { issuer: "https://id.example", subject: "ann" } })),
    ],
  ])("is refused as session_revoked %s", async (_, revoke) => {
    await revoke();
    service.later(10);
    expect(codeOf(await service.renew(session, { ...ann, iat: now + 10 }))).toBe("session_revoked");
  });

  it("is refused as stream_taken after a takeover by another device", async () => {
    const limited = await sessionService({ settings: { streamLimit: 1 } });
    const first = opened(await limited.start());
    opened(await limited.start({ asset: "film", takeover: true }));
    expect(codeOf(await limited.renew(first))).toBe("stream_taken");
  });

  it("binds the session to the network of the renewal", async () => {
    const bound = await sessionService({ keys, assets: [asset("film", { binding: { network: "prefix" } })] });
    const started = opened(await bound.start());
    const elsewhere = { ...here, address: "198.51.100.9" };
    const renewed = opened(await bound.renew(started, {}, { client: elsewhere }));
    expect(opened(openGrant(renewed.grant, keys, now)).network?.bytes).toEqual(Uint8Array.of(198, 51, 100, 0));
  });
});

describe("a session's end", () => {
  it("is logged until two minutes after its last lease ends", async () => {
    service.later(1000);
    opened(await service.renew(session, { ...ann, exp: now + 5000 }));
    service.later(20);
    opened(await service.end(session, { ...ann, exp: now + 5000 }));
    expect(await service.entries()).toEqual([
      { kind: "session", value: session.sessionId, cause: "revoked", at: now + 1020, until: now + 1000 + 90 + 120 },
    ]);
    const { subject } = opened(openGrant(session.grant, service.context().keys, now));
    const lastGrant = now + 1000 + 21_600 + 120;
    expect(await service.fullEntries()).toMatchObject([{ by: "viewer", subject, lastGrant }]);
  });

  it("is kept in its row until the last of its grants expires", async () => {
    service.later(1000);
    const renewed = opened(await service.renew(session, { ...ann, exp: now + 30_000 }));
    opened(await service.end(session, { ...ann, exp: now + 30_000 }));
    service.later(21_599);
    const late = { ...ann, exp: now + 30_000 };
    expect(codeOf(await service.renew(renewed, late))).toBe("session_revoked");
    expect(opened(await service.show(renewed, late)).state).toBe("revoked");
  });

  it("can be requested twice", async () => {
    expect([codeOf(await service.end(session, ann)), codeOf(await service.end(session, ann))]).toEqual(["ok", "ok"]);
    expect(opened(await service.show(session, ann)).state).toBe("revoked");
  });

  it("does not affect the viewer's other sessions", async () => {
    const other = opened(await service.start({ asset: "film" }, ann));
    opened(await service.end(session, ann));
    expect(opened(await service.show(other, ann)).state).toBe("running");
  });

  it("is accepted with a token that no longer allows the asset", async () => {
    expect(codeOf(await service.end(session, { ...ann, scope: "openid", assets: [] }))).toBe("ok");
  });
});
