import { decodeJwt } from "jose";
import { describe, expect, inject, it } from "vitest";
import { password, refresh, signedUp, requestTokens } from "../cluster/device.ts";
import { operatorOf } from "../cluster/operator.ts";
import { until } from "../cluster/viewer.ts";

const usual = inject("usual");

/** Somebody with a browser's session and an app's tokens, and an operator. */
async function scene() {
  const ann = await signedUp(usual.apiUrl);
  const app = await requestTokens(usual.apiUrl, ann);
  const { sub = "", sid = "" } = decodeJwt<{ sid: string }>(app.access);
  return { ann, app, sub, sid, operator: await operatorOf(usual, "operator") };
}

describe("an operator's revocation of somebody who signed in here", () => {
  it.each([
    ["the subject", ({ sub }: { sub: string }) => ({ subject: { issuer: usual.apiUrl, subject: sub } })],
    ["the login", ({ sid }: { sid: string }) => ({ login: { issuer: usual.apiUrl, sid } })],
  ])(
    "by %s: no session, cookie or refresh token gives out another token, and he may sign in again",
    async (_, body) => {
      const { ann, app, sub, sid, operator } = await scene();
      const jwt = (await ann.client.token()).data?.token ?? "";
      expect((await operator.revoke(body({ sub, sid }))).status).toBe(201);
      expect((await ann.client.token()).error?.status).toBe(401);
      expect(await refresh(usual.apiUrl, app.refresh)).toMatchObject({ status: 400, error: "invalid_grant" });
      expect((await ann.startBy.cookie()).status).toBe(401);
      expect((await ann.startBy.bearer()).status).toBe(401);
      for (const token of [jwt, app.access])
        await until(
          () => ann.startBy.token(token),
          ({ status }) => status === 401,
          500,
        );
      expect((await ann.client.signIn.email({ email: ann.email, password })).error).toBe(null);
      // What is given out while a start may not have heard of it counts as given out before.
      await until(ann.startBy.jwt, ({ status }) => status === 201, 500);
    },
  );
});

describe("what the API asks of the identity worker for operators", () => {
  it.each(["/internal/end-sign-ins", "/api/auth/internal/end-sign-ins", "/api/auth/../../internal/end-sign-ins"])(
    "is handed on for nobody: %s",
    async (path) => {
      const { ann, sub } = await scene();
      const asked = { method: "POST", headers: { "Content-Type": "application/json" } };
      const answered = await fetch(usual.apiUrl + path, { ...asked, body: JSON.stringify({ userId: sub }) });
      expect(answered.status).toBe(404);
      expect((await ann.startBy.cookie()).status).toBe(201);
    },
  );
});
