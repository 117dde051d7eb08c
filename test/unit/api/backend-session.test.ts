import { beforeEach, describe, expect, it } from "vitest";
import { after, seconds } from "../../../src/base/time.ts";
import { newBackendPair } from "../auth/backends.ts";
import { issuerName, newPair, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { backendStage, codeOf } from "./backend-stage.ts";

type Stage = Awaited<ReturnType<typeof backendStage>>;
let stage: Stage;
beforeEach(async () => {
  stage = await backendStage();
});

const missing = "a-session-that-is-notA";

describe.each(["show", "renew", "end"] as const)("a backend that wants to %s a session", (route) => {
  const good = { show: 200, renew: 200, end: 204 }[route];
  let sessionId: string;
  beforeEach(async () => {
    sessionId = (await stage.start({ subject: "ann ü/42", streams: 1 })).body.sessionId;
  });

  it("needs its id and its viewer's subject, and no grant", async () => {
    expect(codeOf(await stage.on(route, sessionId, "ann ü/42"))).toBe(good);
    expect(codeOf(await stage.on(route, sessionId, "bob"))).toBe("session_unknown");
    expect(codeOf(await stage.on(route, missing, "ann ü/42"))).toBe("session_unknown");
    expect(codeOf(await stage.on(route, "x".repeat(4000), "ann ü/42"))).toBe("session_unknown");
  });

  it("can use another credential of its name, and none of another backend", async () => {
    expect(codeOf(await stage.on(route, sessionId, "ann ü/42", { sub: "app" }))).toBe("session_unknown");
    expect(codeOf(await stage.on(route, sessionId, "ann ü/42", { jti: "b-2" }))).toBe(good);
  });

  it("is refused without the viewer, and told where to name them", async () => {
    const token = await stage.credential();
    const at = { show: ["GET", ""], renew: ["POST", "/renew"], end: ["DELETE", ""] } as const;
    const [method, rest] = at[route];
    const refused = await stage.send(
      [method, `/stream/${sessionId}${rest}`],
      token,
      route === "renew" ? {} : undefined,
    );
    expect([refused.status, refused.body.code]).toEqual([400, "body_invalid"]);
    expect(refused.body.faults[0]).toMatch(route === "renew" ? /^viewer: / : /^Stagedoor-Subject: /);
  });

  it("cannot touch a session that its viewer started with their own token, nor one of another backend of their issuer", async () => {
    const backendIssuersOf = new Map([
      ["web", issuerName],
      ["app", issuerName],
    ]);
    const mapped = await backendStage({}, { backendIssuers: backendIssuersOf });
    const own = await mapped.send(["POST", "/stream/start"], await token(mapped.issuer), { asset: "film" });
    const app = await mapped.start({ subject: "viewer-1" }, {}, { sub: "app" });
    const web = await mapped.start({ subject: "viewer-1" });
    const codes = [];
    for (const { body } of [own, app, web]) codes.push(codeOf(await mapped.on(route, body.sessionId, "viewer-1")));
    expect(codes).toEqual(["session_unknown", "session_unknown", good]);
  });

  it("is refused once its credential, its name or its key is revoked", async () => {
    for (const body of [
      { token: { issuer: "stagedoor-backend", jti: "b-1" } },
      { login: { issuer: "stagedoor-backend", sid: "web" } },
      { key: "be-1" },
    ]) {
      expect((await stage.revoke(body)).status).toBe(201);
      expect(codeOf(await stage.on(route, sessionId, "ann ü/42"))).toBe("token_revoked");
      expect((await stage.revoke({ ...body, lift: true })).status).toBe(201);
    }
    expect(codeOf(await stage.on(route, sessionId, "ann ü/42"))).toBe(good);
  });
});

it("a viewer of the backend's issuer shows and ends a backend's session with their token, and cannot renew it", async () => {
  const mapped = await backendStage({}, { backendIssuers: new Map([["web", issuerName]]) });
  const { body } = await mapped.start({ subject: "viewer-1" });
  const viewer = await token(mapped.issuer, { assets: "*" });
  const at = (method: string, rest = "") =>
    mapped.send([method, `/stream/${body.sessionId}${rest}`], viewer, undefined, {
      "CTA-Common-Access-Token": body.grant,
    });
  expect((await at("GET")).body.state).toBe("running");
  const renewal = await at("POST", "/renew");
  expect([renewal.status, codeOf(renewal)]).toEqual([403, "session_forbidden"]);
  expect(codeOf(await mapped.on("show", body.sessionId, "viewer-1"))).toBe(200);
  await mapped.revoke({ token: { issuer: "stagedoor-backend", jti: "b-1" } });
  expect((await at("GET")).body.state).toBe("revoked");
  expect(await mapped.isRevoked(body.grant)).toBe(true);
  expect((await at("DELETE")).status).toBe(204);
});

describe("a session whose credential was revoked", () => {
  const started: readonly (readonly [string, object])[] = [
    ["credential", { token: { issuer: "stagedoor-backend", jti: "b-1" } }],
    ["key", { key: "be-1" }],
  ];

  it.each(started)("cannot be renewed with another credential of the backend: its %s", async (_, body) => {
    const two = await newBackendPair("be-2");
    const stage = await backendStage({}, {}, [two]);
    const { sessionId } = (await stage.start()).body;
    const other = (await stage.start({ subject: "ann" }, {}, { jti: "b-2" }, two)).body;
    // The first renewal moves the grant to the other credential, and the session is still one that the first started.
    expect(codeOf(await stage.on("renew", sessionId, "ann", { jti: "b-2" }, {}, two))).toBe(200);
    await stage.revoke({ ...body });
    const again = await stage.on("renew", sessionId, "ann", { jti: "b-2" }, {}, two);
    expect(codeOf(again)).toBe("session_revoked");
    expect((await stage.on("show", sessionId, "ann", { jti: "b-2" }, {}, two)).body.state).toBe("revoked");
    expect(codeOf(await stage.on("renew", other.sessionId, "ann", { jti: "b-2" }, {}, two))).toBe(200);
    await stage.revoke({ ...body, lift: true });
    expect(codeOf(await stage.on("renew", sessionId, "ann", { jti: "b-2" }, {}, two))).toBe(200);
  });

  it.each(started)("does not count at the viewer's stream limit: its %s", async (_, body) => {
    const two = await newBackendPair("be-2");
    const stage = await backendStage({}, {}, [two]);
    await stage.start({ subject: "ann", streams: 1 });
    const next = () => stage.start({ subject: "ann", streams: 1 }, {}, { jti: "b-2" }, two);
    expect(codeOf(await next())).toBe("stream_limit");
    await stage.revoke({ ...body });
    expect(codeOf(await next())).toBe(201);
  });
});

describe("a session that a backend started", () => {
  it("is shown, renewed under the same id with the viewer's binding, and ended", async () => {
    const at = { address: "192.0.2.7" };
    const { body } = await stage.start({ subject: "ann", ...at }, { asset: "at-home" });
    expect((await stage.on("show", body.sessionId)).body).toMatchObject({ asset: "at-home", state: "running" });
    expect((await stage.on("renew", body.sessionId)).body.faults).toEqual([
      expect.stringMatching(/^viewer\.address: /),
    ]);
    const renewed = await stage.on("renew", body.sessionId, "ann", {}, at);
    expect(renewed.body.sessionId).toBe(body.sessionId);
    expect(stage.grantOf(renewed.body.grant)).toMatchObject({ signer: "be-1", network: { bits: 24 } });
    expect((await stage.on("end", body.sessionId)).status).toBe(204);
    expect((await stage.on("end", body.sessionId)).status).toBe(204);
    expect((await stage.on("show", body.sessionId)).body.state).toBe("revoked");
    expect(codeOf(await stage.on("renew", body.sessionId, "ann", {}, at))).toBe("session_revoked");
    expect(await stage.isRevoked(body.grant)).toBe(true);
  });

  it("cannot be renewed for an asset that the viewer may no longer start", async () => {
    const { body } = await stage.start({ subject: "ann" });
    expect(codeOf(await stage.on("renew", body.sessionId, "ann", {}, { assets: ["film-2"] }))).toBe("asset_forbidden");
  });

  it("does not accept its viewer's grant with the token of another issuer's viewer of the same name", async () => {
    const { body } = await stage.start({ subject: "viewer-1" });
    const viewer = await token(stage.issuer, { assets: "*" });
    const refused = await stage.send(["GET", `/stream/${body.sessionId}`], viewer, undefined, {
      "CTA-Common-Access-Token": body.grant,
    });
    expect(codeOf(refused)).toBe("session_forbidden");
  });

  const revocations: readonly (readonly [string, object])[] = [
    ["its credential", { token: { issuer: "stagedoor-backend", jti: "b-1" } }],
    ["its backend's name", { login: { issuer: "stagedoor-backend", sid: "web" } }],
    ["the key of its credential", { key: "be-1" }],
    ["its viewer", { subject: { issuer: "backend:web", subject: "ann" } }],
  ];
  it.each(revocations)("ends at the edge when %s is revoked", async (_, body) => {
    const mine = await stage.start();
    const other = await stage.start({ subject: "bob" }, {}, { sub: "app", jti: "b-2" });
    expect(await stage.isRevoked(mine.body.grant)).toBe(false);
    const revoked = await stage.revoke({ ...body });
    expect([revoked.status, revoked.body.known]).toEqual([201, undefined]);
    expect(await stage.isRevoked(mine.body.grant)).toBe(true);
    expect(await stage.isRevoked(other.body.grant)).toBe("key" in body);
    await stage.revoke({ ...body, lift: true });
    expect(await stage.isRevoked(mine.body.grant)).toBe(false);
  });

  it("is not what a revocation of its backend as a viewer names, so the operator is told the right one", async () => {
    const refused = await stage.revoke({ subject: { issuer: "stagedoor-backend", subject: "web" } });
    expect([refused.status, refused.body.code]).toEqual([400, "revocation_invalid"]);
    expect(refused.body.faults).toEqual([
      expect.stringMatching(/^subject: .*\{"login": \{"issuer": "stagedoor-backend", "sid": "<its name>"\}\}/),
    ]);
  });

  it("of a revoked viewer may be followed by a new one, because the backend vouches for them again", async () => {
    let time = now;
    const later = await backendStage({ clock: () => time });
    await later.revoke({ subject: { issuer: "backend:web", subject: "ann" } });
    expect(codeOf(await later.start())).toBe("token_revoked");
    time = after(now, seconds(5));
    expect(codeOf(await later.start())).toBe(201);
  });

  it("is not one that its own viewer can show without a token of theirs", async () => {
    const { body } = await stage.start();
    const stranger = await newPair("ES256");
    const refused = await stage.send(["GET", `/stream/${body.sessionId}`], await token(stranger), undefined, {
      "CTA-Common-Access-Token": body.grant,
    });
    expect(codeOf(refused)).toBe("token_invalid");
  });
});

it("a backend that shows a session asks the viewer's streams once under each key", async () => {
  const { sessionId } = (await stage.start({ subject: "ann" })).body;
  const asked: string[] = [];
  const { streams } = stage.context;
  const counting = (subject: string) => {
    asked.push(subject);
    return streams(subject);
  };
  Object.assign(stage.context, { streams: counting });
  expect(codeOf(await stage.on("show", sessionId))).toBe(200);
  expect(asked.length).toBeGreaterThan(0);
  expect(new Set(asked).size).toBe(asked.length);
});
