import { decodeJwt } from "jose";
import { describe, expect, inject, it } from "vitest";
import { password, refresh, requestTokens, signedUp } from "../cluster/device.ts";
import { operatorOf } from "../cluster/operator.ts";
import { until } from "../cluster/viewer.ts";

const usual = inject("usual");

/** A user with a browser session and an app's tokens, and an operator. */
async function signedInUser() {
  const ann = await signedUp(usual.apiUrl);
  const app = await requestTokens(usual.apiUrl, ann);
  const { sub = "", sid = "" } = decodeJwt<{ sid: string }>(app.access);
  return { ann, app, sub, sid, operator: await operatorOf(usual, "operator") };
}

describe("an operator's revocation of a user of the identity worker", () => {
  it.each([
    ["the subject", ({ sub }: { sub: string }) => ({ subject: { issuer: usual.apiUrl, subject: sub } })],
    ["the login", ({ sid }: { sid: string }) => ({ login: { issuer: usual.apiUrl, sid } })],
  ])("by %s ends every session, cookie and refresh token, and lets the user sign in again", async (_, body) => {
    const { ann, app, sub, sid, operator } = await signedInUser();
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
    // A token issued before every worker knows of the revocation counts as issued before it.
    await until(ann.startBy.jwt, ({ status }) => status === 201, 500);
  });
});

describe("the identity worker's internal route", () => {
  it.each([
    ...["/internal/end-sign-ins", "/api/auth/internal/end-sign-ins", "/api/auth/../../internal/end-sign-ins"],
    ...["/internal/find-user", "/api/auth/internal/find-user"],
  ])("is not reachable from outside: %s", async (path) => {
    const { ann, sub } = await signedInUser();
    const init = { method: "POST", headers: { "Content-Type": "application/json" } };
    const response = await fetch(usual.apiUrl + path, { ...init, body: JSON.stringify({ userId: sub }) });
    expect(response.status).toBe(404);
    expect((await ann.startBy.cookie()).status).toBe(201);
  });
});
