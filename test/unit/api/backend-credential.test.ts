import { beforeEach, describe, expect, it } from "vitest";
import { backendIssuers } from "../../../src/auth/backend-token.ts";
import { backendToken, newBackendPair } from "../auth/backends.ts";
import { operatorToken } from "../auth/operators.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { backendStage, codeOf } from "./backend-stage.ts";

type Stage = Awaited<ReturnType<typeof backendStage>>;
let stage: Stage;
beforeEach(async () => {
  stage = await backendStage();
});

describe("a credential of another kind", () => {
  it("cannot name a viewer: a viewer's token with the member is refused", async () => {
    const viewer = await token(stage.issuer, { assets: "*" });
    const refused = await stage.send(["POST", "/stream/start"], viewer, { asset: "film", viewer: { subject: "bob" } });
    expect([refused.status, refused.body.code]).toEqual([400, "body_invalid"]);
    expect(refused.body.faults).toEqual([expect.stringMatching(/^viewer: Leave it out/)]);
  });

  it("is not valid at the other's routes: neither a backend's for operators nor an operator's for backends", async () => {
    const backend = await stage.credential({ scope: "operator:read operator:revoke operator:keys stream:play" });
    for (const at of [
      ["GET", "/operator/sessions"],
      ["GET", "/operator/keys"],
      ["GET", "/metrics"],
    ] as const)
      expect(codeOf(await stage.send(at, backend))).toBe("token_invalid");
    expect(codeOf(await stage.send(["POST", "/operator/revocations"], backend, { asset: "film" }))).toBe(
      "token_invalid",
    );
    const operator = await operatorToken(stage.operators, { scope: "operator:read stream:play", assets: "*", rate: 9 });
    const body = { asset: "film", viewer: { subject: "ann" } };
    expect(codeOf(await stage.send(["POST", "/stream/start"], operator, body))).toBe("token_invalid");
  });

  it("is refused if the key of another purpose signed it, or a key that the ring does not have", async () => {
    const operator = await operatorToken(stage.operators, {
      iss: "stagedoor-backend",
      aud: "stagedoor-backend",
      sub: "web",
      assets: "*",
      rate: 9,
      scope: "stream:play",
    });
    const viewers = { key: stage.backends.key, pair: stage.issuer };
    const foreign = await backendToken(await newBackendPair("be-1"));
    const asOperator = await stage.credential({ iss: "stagedoor-operator", aud: "stagedoor-operator" });
    for (const credential of [operator, await backendToken(viewers), foreign, asOperator]) {
      const body = { asset: "film", viewer: { subject: "ann" } };
      expect(codeOf(await stage.send(["POST", "/stream/start"], credential, body))).toBe("token_invalid");
    }
  });

  it.each([
    ["without jti, so that it could not be revoked", { jti: undefined }, "token_invalid"],
    ["without a rate", { rate: undefined }, "token_invalid"],
    ["with a rate of 0", { rate: 0 }, "token_invalid"],
    ["with a rate that is text", { rate: "600" }, "token_invalid"],
    ["with a name that no backend has", { sub: "web:x" }, "token_invalid"],
    ["of another audience", { aud: "https://other.example" }, "token_invalid"],
    ["bound to a key", { cnf: { jkt: "A".repeat(43) } }, "token_invalid"],
    ["that has expired", { exp: now - 61 }, "token_expired"],
  ])("%s is refused", async (_, claims, code) => {
    expect(codeOf(await stage.start({ subject: "ann" }, {}, claims))).toBe(code);
  });

  it("is refused after its key's expiry, and with a scheme other than Bearer", async () => {
    const old = await newBackendPair("be-old", { exp: now });
    const both = await backendStage({ backends: backendIssuers({ keys: [old.key] }, () => now) });
    const body = { asset: "film", viewer: { subject: "ann" } };
    expect(codeOf(await both.send(["POST", "/stream/start"], await backendToken(old), body))).toBe("token_invalid");
    const dpop = { Authorization: `DPoP ${await stage.credential()}`, DPoP: "e30.e30.e30" };
    expect(codeOf(await stage.send(["POST", "/stream/start"], "", body, dpop))).toBe("token_invalid");
  });

  it("cannot name a session's viewer in the header instead of sending the session's grant", async () => {
    const { body } = await stage.start({ subject: "viewer-1" });
    const viewer = await token(stage.issuer, { assets: "*" });
    const header = { "Stagedoor-Subject": "viewer-1" };
    expect(codeOf(await stage.send(["DELETE", `/stream/${body.sessionId}`], viewer, undefined, header))).toBe(
      "session_unknown",
    );
  });

  it("wins over a cookie that came with the request, which names nobody then", async () => {
    const started = await stage.send(
      ["POST", "/stream/start"],
      await stage.credential(),
      { asset: "film", viewer: { subject: "ann" } },
      { Cookie: "__Host-stagedoor.session_token=x" },
    );
    expect(started.status).toBe(201);
  });
});

describe("an operator who explains or simulates with a backend's credential", () => {
  it("learns what it opens, whether it or its key is revoked, and that a simulation names no viewer", async () => {
    const operator = await operatorToken(stage.operators, { scope: "operator:read" });
    const credential = await stage.credential({ assets: ["film"] });
    const explain = async () => (await stage.send(["POST", "/operator/explain"], operator, { text: credential })).body;
    expect(await explain()).toMatchObject({ verdict: "accepted", grants: expect.stringContaining("every viewer") });
    const simulated = await stage.send(["POST", "/operator/simulate"], operator, { credential, asset: "film" });
    expect(simulated.body).toMatchObject({ verdict: "refused", code: "body_invalid" });
    for (const body of [{ key: "be-1" }, { token: { issuer: "stagedoor-backend", jti: "b-1" } }]) {
      await stage.revoke(body);
      expect(await explain()).toMatchObject({ verdict: "refused", code: "token_revoked" });
      await stage.revoke({ ...body, lift: true });
    }
    expect(JSON.stringify([await explain(), simulated.body])).not.toContain(credential);
  });
});

describe("CORS of a backend", () => {
  it("lets no page read a response, neither of a trusted site nor any other", async () => {
    const open = await backendStage({ site: { apiUrl: "https://api.example", origins: ["https://www.example.com"] } });
    const started = await open.start();
    const refused = await open.start({});
    for (const { headers } of [started, refused])
      expect([...headers.keys()].filter((name) => /^(access-control|cross-origin)/.test(name))).toEqual([]);
    const fromPage = await open.send(
      ["POST", "/stream/start"],
      await open.credential(),
      { asset: "film", viewer: { subject: "ann" } },
      { Origin: "https://www.example.com" },
    );
    expect([fromPage.status, fromPage.body.code]).toEqual([400, "request_invalid"]);
    expect(fromPage.body.faults).toEqual([
      expect.stringMatching(/^Origin: Send a backend's credential from your server/),
    ]);
    expect([...fromPage.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(fromPage.headers.get("Strict-Transport-Security")).toBeNull();
  });
});
