import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { consoleCookieName } from "../../../src/console/console-sign-in.ts";
import { revokeNow } from "../../../src/sessions/revoke.ts";
import { newOperatorPair, operatorToken } from "../auth/operators.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { consoleStage, cookieOf, site } from "./console-stage.ts";

const signInPath = "/console/sign-in";

describe("signing in to the console", () => {
  it("exchanges a credential for a cookie and redirects to the overview", async () => {
    const stage = await consoleStage();
    const credential = await stage.credential();
    const response = await stage.post(signInPath, { credential });
    expect(response.status).toBe(303);
    expect(response.headers.get("Location")).toBe("/console");
    const field = response.headers.get("Set-Cookie") ?? "";
    for (const attribute of ["Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=28800"])
      expect(field.split("; ")).toContain(attribute);
    expect(field.startsWith("__Host-stagedoor.console=")).toBe(true);
    const parts = credential.split(".");
    for (const part of parts) expect(field).not.toContain(part);
    const overview = await stage.look("/console", cookieOf(response));
    expect(overview.status).toBe(200);
    expect(await overview.text()).toContain("Sessions now");
  });

  it("accepts a credential with a line break", async () => {
    const stage = await consoleStage();
    const response = await stage.post(signInPath, { credential: `${await stage.credential()}\n` });
    expect(response.status).toBe(303);
  });

  it("never outlives the credential", async () => {
    const stage = await consoleStage();
    const response = await stage.post(signInPath, { credential: await stage.credential({ exp: now + 600 }) });
    expect(response.headers.get("Set-Cookie")).toContain("Max-Age=600");
    const cookie = cookieOf(response);
    stage.later(599);
    expect((await stage.look("/console", cookie)).status).toBe(200);
    stage.later(1);
    expect((await stage.look("/console", cookie)).status).toBe(401);
  });

  it("expires after eight hours", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    stage.later(8 * 3600);
    expect((await stage.look("/console", cookie)).status).toBe(401);
  });

  it.each([
    ["a viewer's token", 401, async (stage: Stage) => stage.viewerToken({ scope: "operator:read" })],
    ["an expired credential", 401, async (stage: Stage) => stage.credential({ exp: now - 600 })],
    ["a credential without operator:read", 403, async (stage: Stage) => stage.credential({ scope: "operator:revoke" })],
    [
      "a credential of another key ring",
      401,
      async () => operatorToken(await newOperatorPair(), { scope: "operator:read" }),
    ],
    ["an empty credential", 401, async () => ""],
    ["text that is not a token", 401, async () => "Fünf Groschen\r\nSet-Cookie: a=b"],
  ])("refuses %s", async (_, status, make) => {
    const stage = await consoleStage();
    const response = await stage.post(signInPath, { credential: await make(stage) });
    expect(response.status).toBe(status);
    expect(response.headers.has("Set-Cookie")).toBe(false);
    expect(response.headers.get("Content-Type")).toContain("text/html");
    expect(response.headers.get("Request-Id")).toMatch(/^[0-9a-f]{16}$/);
    expect(stage.counted.at(-1)).toMatchObject({ event: "refused", worker: "api" });
  });

  it("refuses a revoked credential and the session that it opened", async () => {
    const stage = await consoleStage();
    const credential = await stage.credential();
    const cookie = await stage.signIn();
    await revokeToken(stage);
    expect((await stage.post(signInPath, { credential })).status).toBe(401);
    const page = await stage.look("/console", cookie);
    expect(page.status).toBe(401);
    expect(await page.text()).toContain("token_revoked");
  });

  it.each([
    ["without an Origin", { Origin: "" }],
    ["from another origin", { Origin: "https://api.example.net" }],
    ["from another host of the site", { Origin: "https://www.api.example" }],
    ["from the same host over plain HTTP", { Origin: "http://api.example" }],
    ["from another site according to the browser", { Origin: site, "Sec-Fetch-Site": "same-site" }],
    ["from the origin null", { Origin: "null" }],
  ])("refuses a form %s", async (_, headers) => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const credential = await stage.credential();
    for (const path of [
      signInPath,
      "/console/explain",
      "/console/sign-out",
      `/console/sessions/${"A".repeat(22)}/revoke`,
    ]) {
      const response = await stage.post(path, { credential, text: credential }, { Cookie: cookie, ...headers });
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("origin_untrusted");
    }
  });

  it("limits failed attempts per network, but never a valid credential", async () => {
    const policy = { name: "refused-address", quota: 2, window: seconds(3600) };
    const stage = await consoleStage({ settings: { refusedRateAddress: policy } });
    const from = (address: string) => ({ "CF-Connecting-IP": address });
    const attempt = async (address: string, credential: string) =>
      (await stage.post(signInPath, { credential }, from(address))).status;
    expect([await attempt("192.0.2.1", "x"), await attempt("192.0.2.2", "x")]).toEqual([401, 401]);
    expect(await attempt("192.0.2.3", "x")).toBe(429);
    expect(await attempt("192.0.2.3", await stage.credential())).toBe(303);
    expect(await attempt("192.0.2.3", await stage.credential({ exp: now - 600 }))).toBe(429);
    expect(await attempt("198.51.100.4", "x")).toBe(401);
  });

  it("ends with a sign-out, which deletes the cookie", async () => {
    const stage = await consoleStage();
    const response = await stage.post("/console/sign-out", {}, { Cookie: await stage.signIn() });
    expect(response.status).toBe(303);
    expect(response.headers.get("Set-Cookie")).toMatch(/^__Host-stagedoor\.console=; .*Max-Age=0/);
  });
});

describe("the console's cookie", () => {
  it("is required by every page and action", async () => {
    const stage = await consoleStage();
    for (const path of ["/console", "/console/explain", "/console/simulate", "/console/codes/token_invalid"]) {
      const response = await stage.send(path);
      const to = path === "/console" ? "" : `?${new URLSearchParams({ to: path })}`;
      expect([response.status, response.headers.get("Location")]).toEqual([303, signInPath + to]);
    }
    for (const path of ["/console/explain", "/console/simulate", `/console/sessions/${"A".repeat(22)}/revoke`])
      expect((await stage.post(path, { text: "x" })).headers.get("Location")).toBe(signInPath);
  });

  it("is refused with any one character changed, removed or added", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const start = consoleCookieName.length + 1;
    expect((await stage.look("/console", cookie)).status).toBe(200);
    const changed = [...cookie.slice(start)].map((letter, place) => {
      const other = letter === "A" ? "B" : "A";
      return `${cookie.slice(0, start + place)}${other}${cookie.slice(start + place + 1)}`;
    });
    const forged = [
      ...changed,
      cookie.slice(0, -1),
      `${cookie}A`,
      `${cookie}.A`,
      cookie.slice(0, cookie.lastIndexOf(".")),
    ];
    for (const one of forged) expect((await stage.look("/console", one)).status).toBe(401);
  });

  it("is refused from another ring, or if it was sent twice", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const keys = await preparedKeys([sessionKey("2026-a", 9)]);
    expect((await stage.look("/console", cookie, { ...stage.context, keys })).status).toBe(401);
    expect((await stage.look("/console", `${cookie}; ${cookie}`)).status).toBe(400);
  });

  it("is refused if it was made for another purpose of the same key", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const [text = ""] = cookie.slice(consoleCookieName.length + 1).split(".");
    const key = [...stage.context.keys.values()][0];
    const forged = [key?.url.playlist.base64url(text), key?.url.segment.base64url(text), key?.url.key.base64url(text)];
    for (const mac of forged)
      expect((await stage.look("/console", `${consoleCookieName}=${text}.${mac}`)).status).toBe(401);
  });

  it("ends when the key of the operator's credential is revoked or removed", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const without = { keys: stage.context.ring.keys.filter(({ purpose }) => purpose !== "operator") };
    expect((await stage.look("/console", cookie, { ...stage.context, ring: without })).status).toBe(401);
    await revokeKey(stage, "op-1");
    expect((await stage.look("/console", cookie)).status).toBe(401);
  });

  it("ends when the session key that made it is revoked", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const made = [...stage.context.keys.values()].find(({ console }) => {
      const [text = "", mac] = cookie.slice(consoleCookieName.length + 1).split(".");
      return console.base64url(text) === mac;
    });
    await revokeKey(stage, made?.kid ?? "");
    expect((await stage.look("/console", cookie)).status).toBe(401);
  });

  it("does not allow revocations without operator:revoke", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn({ scope: "operator:read" });
    const response = await stage.post(`/console/sessions/${"A".repeat(22)}/revoke`, {}, { Cookie: cookie });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("scope_insufficient");
  });

  it("contains no part of the JWT and is not accepted by the API", async () => {
    const stage = await consoleStage();
    const value = (await stage.signIn()).slice(consoleCookieName.length + 1);
    expect(value.split(".")).toHaveLength(2);
  });
});

type Stage = Awaited<ReturnType<typeof consoleStage>>;

async function revokeToken(stage: Stage): Promise<void> {
  const done = await revokeNow({ token: { issuer: "stagedoor-operator", jti: "o-1" }, lift: false }, stage.context);
  if (!done.ok) throw new Error(done.refusal.reason);
}

async function revokeKey(stage: Stage, kid: string): Promise<void> {
  const done = await revokeNow({ key: kid, lift: false }, stage.context);
  if (!done.ok) throw new Error(done.refusal.reason);
}
