import { beforeEach, describe, expect, it } from "vitest";
import type { OpenedSession } from "../../../src/sessions/open-session.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { claimsOf, grantOf, keyOf, now, preparedKeys } from "../signing/session.ts";
import { asset, codeOf, here, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

type Stage = Awaited<ReturnType<typeof sessionStage>>;

const routes = ["show", "renew", "end"] as const;
const keys = await preparedKeys();
let stage: Stage;
let mine: OpenedSession;
beforeEach(async () => {
  stage = await sessionStage({ keys });
  mine = opened(await stage.start({ asset: "film" }, { sub: "ann", jti: "t-1" }));
});
const ann = { sub: "ann" };

describe.each(routes)("who may %s a session", (route) => {
  const code = async (more: Parameters<Stage["show"]>[2] = {}, claims: object = ann) =>
    codeOf(await stage[route](mine, { ...claims }, more));

  it("is who holds its grant and a token of its issuer and subject", async () => {
    expect(await code()).toBe("ok");
  });

  it("is nobody without a bearer token, or with one that has ended", async () => {
    expect(await code({ credential: usualRequest.credential })).toBe("token_missing");
    expect(await code({}, { ...ann, exp: now - 61 })).toBe("token_expired");
  });

  it("is looked at once the grant has held: without it nobody is asked about a made-up token", async () => {
    const questions: string[] = [];
    const asking = presenting("Bearer made-up", stage.context());
    const credential = {
      ...asking,
      validate: () => {
        questions.push("validate");
        return asking.validate();
      },
    };
    const other = opened(await stage.start({ asset: "film" }, ann));
    const staging = { ...claimsOf({ sessionId: mine.sessionId }), issuer: "staging" };
    for (const more of [
      { grant: undefined },
      { grant: "x" },
      { grant: other.grant },
      { grant: grantOf(keyOf(keys, "2026-a"), staging) },
    ])
      expect(await code({ credential, ...more })).toMatch(/^(session_unknown|grant_invalid)$/);
    stage.later(21_600);
    expect(await code({ credential })).toBe("grant_expired");
    expect(questions).toEqual([]);
    stage.later(-1);
    expect(await code({ credential })).toBe("token_invalid");
    expect(questions).toHaveLength(1);
  });

  it("is not who knows its id alone: there seems to be none", async () => {
    expect(await code({ grant: undefined })).toBe("session_unknown");
  });

  it("is not who holds the grant of another session", async () => {
    const other = opened(await stage.start({ asset: "film" }, ann));
    expect(await code({ grant: other.grant })).toBe("session_unknown");
    expect(await code({ id: other.sessionId })).toBe("session_unknown");
  });

  it("is not another viewer, though the grant stands in every URL of the session", async () => {
    expect(await code({}, { sub: "bob" })).toBe("session_forbidden");
    expect(opened(await stage.show(mine, ann)).state).toBe("running");
  });

  it.each([
    ["is no grant", "grant"],
    ["has a changed byte", undefined],
  ])("is not who holds one that %s", async (_, text) => {
    const changed = `${mine.grant.slice(0, 40)}${mine.grant[40] === "A" ? "B" : "A"}${mine.grant.slice(41)}`;
    expect(await code({ grant: text ?? changed })).toBe("grant_invalid");
  });

  it("is not who holds a grant of another deployment that shares the key", async () => {
    const key = keyOf(keys, "2026-a");
    const { subject, sessionId } = opened(openGrant(mine.grant, keys, now));
    const grant = grantOf(key, claimsOf({ subject, sessionId, issuer: "staging" }));
    expect(await code({ grant })).toBe("grant_invalid");
  });

  it("is nobody once its grant has ended", async () => {
    stage.later(21_600);
    expect(await code({}, { ...ann, exp: now + 30_000 })).toBe("grant_expired");
  });

  it("is nobody with a grant under a key that was revoked, for that may be anybody's work", async () => {
    opened(await stage.revoke({ key: "2026-a" }));
    if (route === "show") expect(opened(await stage.show(mine, ann)).state).toBe("revoked");
    else expect(await code()).toBe("session_revoked");
    expect((await stage.entries()).map(({ kind }) => kind)).toEqual(["key"]);
  });

  it("is store_unavailable while the viewer's streams or the log cannot be asked", async () => {
    for (const down of ["streams", "log"] as const) {
      stage.state.down = down;
      expect(await code()).toBe("store_unavailable");
    }
  });
});

describe("what a session shows", () => {
  it("is its asset, its times and how it stands", async () => {
    stage.later(10);
    expect(opened(await stage.show(mine, ann))).toEqual({
      sessionId: mine.sessionId,
      asset: "film",
      state: "running",
      startedAt: "2026-11-18T11:06:40Z",
      lastSeenAt: "2026-11-18T11:06:40Z",
      networks: 0,
      sessionExpiresAt: "2026-11-18T17:06:40Z",
    });
  });

  it("is idle once it was silent for its lease", async () => {
    stage.later(90);
    expect(opened(await stage.show(mine, ann)).state).toBe("idle");
  });

  it("is revoked where it was ended, by whatever forbids it", async () => {
    opened(await stage.revoke({ asset: "film" }));
    expect(opened(await stage.show(mine, ann)).state).toBe("revoked");
  });
});

describe("a session's renewal", () => {
  it("keeps its id, and gives a fresh grant and manifest URL with fresh ends", async () => {
    stage.later(1000);
    const renewed = opened(await stage.renew(mine, { ...ann, exp: now + 5000 }));
    expect(renewed.sessionId).toBe(mine.sessionId);
    expect(renewed.grant).not.toBe(mine.grant);
    expect(renewed.sessionExpiresAt).toBe("2026-11-18T17:23:20Z");
    expect(renewed.manifestExpiresAt).toBe("2026-11-18T11:28:20Z");
    expect(opened(openGrant(renewed.grant, keys, now))).toMatchObject({ sessionId: mine.sessionId, prefix: "/film/" });
    expect(renewed.manifestUrl).toContain(renewed.grant);
  });

  it("can be done with the grant of a renewal", async () => {
    stage.later(60);
    const once = opened(await stage.renew(mine, ann));
    stage.later(60);
    expect(opened(await stage.renew(once, ann)).sessionId).toBe(mine.sessionId);
  });

  it("needs no further place among the viewer's streams", async () => {
    const limited = await sessionStage({ settings: { streamLimit: 1 } });
    const only = opened(await limited.start());
    opened(await limited.renew(only));
    limited.later(100);
    const other = opened(await limited.start());
    expect(codeOf(await limited.renew(only))).toBe("stream_limit");
    opened(await limited.end(other));
    opened(await limited.renew(only));
  });

  it("asks for all that a start asks for", async () => {
    expect(codeOf(await stage.renew(mine, { ...ann, scope: "openid" }))).toBe("scope_insufficient");
    expect(codeOf(await stage.renew(mine, { ...ann, assets: ["film-2"] }))).toBe("asset_forbidden");
    const revoked = { ...ann, jti: "t-2" };
    opened(await stage.revoke({ token: { issuer: "https://id.example", jti: "t-2" } }));
    expect(codeOf(await stage.renew(mine, revoked))).toBe("token_revoked");
    expect(codeOf(await stage.renew(mine, ann))).toBe("ok");
  });

  it.each([
    ["its viewer ended it", async () => opened(await stage.end(mine, ann))],
    ["an operator ended it", async () => opened(await stage.revoke({ session: mine.sessionId }))],
    [
      "the token that it was started with was revoked",
      async () => opened(await stage.revoke({ token: { issuer: "https://id.example", jti: "t-1" } })),
    ],
    [
      "its viewer's sessions were ended, and he comes with a token from after that",
      async () => opened(await stage.revoke({ subject: { issuer: "https://id.example", subject: "ann" } })),
    ],
  ])("is session_revoked once %s", async (_, happens) => {
    await happens();
    stage.later(10);
    expect(codeOf(await stage.renew(mine, { ...ann, iat: now + 10 }))).toBe("session_revoked");
  });

  it("is stream_taken once another device took its place", async () => {
    const limited = await sessionStage({ settings: { streamLimit: 1 } });
    const first = opened(await limited.start());
    opened(await limited.start({ asset: "film", takeover: true }));
    expect(codeOf(await limited.renew(first))).toBe("stream_taken");
  });

  it("binds to where it is renewed, for a device in another network that takes over", async () => {
    const bound = await sessionStage({ keys, assets: [asset("film", { binding: { network: "prefix" } })] });
    const begun = opened(await bound.start());
    const there = { ...here, address: "198.51.100.9" };
    const renewed = opened(await bound.renew(begun, {}, { client: there }));
    expect(opened(openGrant(renewed.grant, keys, now)).network?.bytes).toEqual(Uint8Array.of(198, 51, 100, 0));
  });
});

describe("a session's end", () => {
  it("is in the log as long as an isolate of the edge may remember its lease, and two minutes", async () => {
    stage.later(1000);
    opened(await stage.renew(mine, { ...ann, exp: now + 5000 }));
    stage.later(20);
    opened(await stage.end(mine, { ...ann, exp: now + 5000 }));
    expect(await stage.entries()).toEqual([
      { kind: "session", value: mine.sessionId, cause: "revoked", at: now + 1020, until: now + 1000 + 90 + 120 },
    ]);
  });

  it("lasts in its row until the last of its grants has expired", async () => {
    stage.later(1000);
    const renewed = opened(await stage.renew(mine, { ...ann, exp: now + 30_000 }));
    opened(await stage.end(mine, { ...ann, exp: now + 30_000 }));
    stage.later(21_599);
    const late = { ...ann, exp: now + 30_000 };
    expect(codeOf(await stage.renew(renewed, late))).toBe("session_revoked");
    expect(opened(await stage.show(renewed, late)).state).toBe("revoked");
  });

  it("can be asked for twice", async () => {
    expect([codeOf(await stage.end(mine, ann)), codeOf(await stage.end(mine, ann))]).toEqual(["ok", "ok"]);
    expect(opened(await stage.show(mine, ann)).state).toBe("revoked");
  });

  it("leaves the viewer's other sessions as they are", async () => {
    const other = opened(await stage.start({ asset: "film" }, ann));
    opened(await stage.end(mine, ann));
    expect(opened(await stage.show(other, ann)).state).toBe("running");
  });

  it("can be had with a token that opens the asset no more", async () => {
    expect(codeOf(await stage.end(mine, { ...ann, scope: "openid", assets: [] }))).toBe("ok");
  });
});
