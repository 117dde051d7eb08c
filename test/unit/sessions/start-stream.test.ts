import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { api } from "../api/start.ts";
import { token } from "../auth/tokens.ts";
import {
  catalog,
  client,
  grantIssuer,
  in5Minutes,
  in6Hours,
  now,
  preparedKeys,
  sessionKey,
} from "../signing/session.ts";
import { presenting, usualRequest } from "./session-service.ts";

/** Starts a stream and checks its manifest URL as the media host does. */
async function started(changes: Partial<SessionContext> = {}, claims: Readonly<Record<string, unknown>> = {}) {
  const { context, issuer } = await api(changes);
  const authorization = `Bearer ${await token(issuer, claims)}`;
  const credential = presenting(authorization, context);
  const result = await startStream({ ...usualRequest, credential, body: '{"asset":"film"}' }, context);
  if (!result.ok) throw new Error(result.refusal.code);
  const { pathname, search } = new URL(result.value.manifestUrl);
  const target = pathname + search;
  const check = (at: number) =>
    checkMediaRequest(target, { keys: context.keys, catalog, grantIssuer, client, now: unixSeconds(at) });
  const manifest = check(now);
  if (manifest.verdict !== "passed") throw new Error(`the manifest URL is ${manifest.verdict}`);
  return { stream: result.value, access: manifest.access, check, target };
}

describe("the start of a stream", () => {
  it("issues a manifest URL that the media host accepts until it expires, and a grant for the whole session", async () => {
    const { stream, access, check } = await started();
    expect(access).toMatchObject({ purpose: "playlist", path: "/film/index.m3u8", query: "", expiry: in5Minutes });
    expect(access.grant).toMatchObject({
      issuer: "stagedoor",
      prefix: "/film/",
      sessionId: stream.sessionId,
      issuedAt: now,
      expiresAt: in6Hours,
      kid: "2026-a",
    });
    expect([check(in5Minutes - 1).verdict, check(in5Minutes).verdict]).toEqual(["passed", "expired"]);
  });

  it("creates a new session each time", async () => {
    const { context, issuer } = await api();
    const credential = presenting(`Bearer ${await token(issuer)}`, context);
    const request = { ...usualRequest, credential, body: '{"asset":"film"}' };
    const [one, two] = [await startStream(request, context), await startStream(request, context)];
    if (!one.ok || !two.ok) throw new Error("a start was refused");
    expect(one.value.sessionId).not.toBe(two.value.sessionId);
    expect(one.value.manifestUrl).not.toBe(two.value.manifestUrl);
  });

  it("puts no user id into the URL, only a hash that is the same for the same viewer", async () => {
    const [one, again, other] = [await started(), await started(), await started({}, { sub: "viewer-2" })];
    expect(one.target).not.toContain("viewer");
    expect(atob(one.target.split("/")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")).not.toContain("viewer");
    expect(again.access.grant.subject).toBe(one.access.grant.subject);
    expect(other.access.grant.subject).not.toBe(one.access.grant.subject);
  });

  it("creates a session that outlives its token", async () => {
    const { check, access } = await started({}, { exp: now + 1 });
    expect([check(now + 200).verdict, access.grant.expiresAt]).toEqual(["passed", in6Hours]);
  });

  it("limits the manifest URL to a shorter session, and reports that expiry", async () => {
    const { context } = await api();
    const short = { settings: { ...context.settings, sessionTtl: seconds(60) } };
    const { stream, access } = await started(short);
    expect(access.expiry).toBe(now + 60);
    expect(stream.manifestExpiresAt).toBe(stream.sessionExpiresAt);
  });

  it("creates no session beyond the expiry of its signing key", async () => {
    const keys = await preparedKeys([sessionKey("2026-a", 1, { exp: now + 100 })]);
    const { stream, access } = await started({ keys });
    expect([access.grant.expiresAt, stream.sessionExpiresAt]).toEqual([now + 100, "2026-11-18T11:08:20Z"]);
  });

  it("signs with the newest key, while URLs signed with the previous key stay valid", async () => {
    const [old, fresh] = [sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })];
    const before = await started({ keys: await preparedKeys([old]) });
    const keys = await preparedKeys([old, fresh]);
    const after = await started({ keys });
    expect([before.access.grant.kid, after.access.grant.kid]).toEqual(["old", "new"]);
    expect(checkMediaRequest(before.target, { keys, catalog, grantIssuer, client, now }).verdict).toBe("passed");
  });
});
