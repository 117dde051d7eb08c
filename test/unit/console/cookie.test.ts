import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { consoleCookieName } from "../../../src/console/console-sign-in.ts";
import { operatorKeySchema } from "../../../src/keys/key.ts";
import { networkName } from "../../../src/sessions/identifiers.ts";
import { revokeNow } from "../../../src/sessions/revoke.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { consoleStage, cookieOf } from "./console-stage.ts";

const signInPath = "/console/sign-in";
const maxAge = (response: Response) => /Max-Age=(-?\d+)/.exec(response.headers.get("Set-Cookie") ?? "")?.[1];

/** A stage whose workers have these session keys. */
async function stageWith(keys: Parameters<typeof preparedKeys>[0]) {
  const stage = await consoleStage();
  const context = { ...stage.context, keys: await preparedKeys(keys) };
  const signIn = async () => stage.post(signInPath, { credential: await stage.credential() }, {}, context);
  return { ...stage, context, signIn };
}

describe("the cookie of the console", () => {
  it("never outlives the session key that made it", async () => {
    const stage = await stageWith([sessionKey("s1", 1, { exp: now + 600 })]);
    const response = await stage.signIn();
    expect(maxAge(response)).toBe("600");
    stage.later(600);
    expect((await stage.look("/console", cookieOf(response), stage.context)).status).toBe(401);
  });

  it("expires with its key, also if the expiry of the key moves", async () => {
    const stage = await stageWith([sessionKey("s1", 1)]);
    const cookie = cookieOf(await stage.signIn());
    const keys = await preparedKeys([sessionKey("s1", 1, { exp: now })]);
    expect((await stage.look("/console", cookie, stage.context)).status).toBe(200);
    expect((await stage.look("/console", cookie, { ...stage.context, keys })).status).toBe(401);
  });

  it("is never made with a revoked key", async () => {
    const stage = await stageWith([sessionKey("s1", 1, { nbf: now - 20 }), sessionKey("s2", 2, { nbf: now - 10 })]);
    await revoke(stage.context, { key: "s2" });
    const cookie = cookieOf(await stage.signIn());
    expect((await stage.look("/console", cookie, stage.context)).status).toBe(200);
    await revoke(stage.context, { key: "s1" });
    const none = await stage.signIn();
    expect([none.status, none.headers.get("Set-Cookie")]).toEqual([500, null]);
    expect(await none.text()).toContain("npx stagedoor doctor");
  });

  it("is not made from claims that are too long for a cookie", async () => {
    const stage = await consoleStage();
    const long = { sub: "a".repeat(400), jti: "b".repeat(400) };
    const response = await stage.post(signInPath, { credential: await stage.credential(long) });
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([401, null]);
    const fits = { sub: "a".repeat(200), jti: "b".repeat(200) };
    expect((await stage.post(signInPath, { credential: await stage.credential(fits) })).status).toBe(303);
  });

  it("is not made from an expired credential within the clock tolerance", async () => {
    const stage = await consoleStage();
    const response = await stage.post(signInPath, { credential: await stage.credential({ exp: now - 5 }) });
    expect([response.status, response.headers.get("Set-Cookie")]).toEqual([401, null]);
    expect(await response.text()).toContain("Token expired");
  });

  it("expires with the operator's key", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const ended = operatorKeySchema.parse({ ...stage.operators.key, exp: now });
    const ring = { keys: stage.context.ring.keys.map((key) => (key.kid === ended.kid ? ended : key)) };
    const page = await stage.look("/console", cookie, { ...stage.context, ring });
    expect([page.status, await page.text()]).toEqual([401, expect.stringContaining("token_revoked")]);
  });
});

describe("signing out", () => {
  it("ends every copy of the cookie, and no other session of the operator", async () => {
    const stage = await consoleStage();
    const [cookie, other] = [await stage.signIn(), await stage.signIn()];
    expect(cookie).not.toBe(other);
    await stage.post("/console/sign-out", {}, { Cookie: cookie });
    const copied = await stage.look("/console", cookie);
    expect([copied.status, await copied.text()]).toEqual([401, expect.stringContaining("sign_in_required")]);
    expect((await stage.look("/console", other)).status).toBe(200);
    const { entries } = await stage.context.log.since(0);
    expect(entries).toMatchObject([{ kind: "login", until: now + 8 * 3600 }]);
  });

  it("deletes the cookie if the log is down, and reports that copies stay valid", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const log = { ...stage.context.log, append: () => Promise.reject(new Error("down")) };
    const response = await stage.post("/console/sign-out", {}, { Cookie: cookie }, { ...stage.context, log });
    expect(response.status).toBe(503);
    expect(response.headers.get("Set-Cookie")).toMatch(/^__Host-stagedoor\.console=; .*Max-Age=0/);
  });

  it("is not an error without a session or with an invalid cookie", async () => {
    const stage = await consoleStage();
    for (const Cookie of ["", `${consoleCookieName}=x.y`])
      expect((await stage.post("/console/sign-out", {}, { Cookie })).headers.get("Location")).toBe(signInPath);
    expect((await stage.context.log.since(0)).entries).toEqual([]);
  });
});

describe("the sign-in page", () => {
  it("continues to the requested page, and to no other site", async () => {
    const stage = await consoleStage();
    const shown = await (await stage.send("/console/sign-in?to=%2Fconsole%2Fcodes%2Ftoken_invalid")).text();
    expect(shown).toContain('<input type="hidden" name="to" value="/console/codes/token_invalid"/>');
    const credential = await stage.credential();
    const leads = async (to: string) =>
      (await stage.post(signInPath, { credential, to })).headers.get("Location") ?? "none";
    expect(await leads("/console?find=film")).toBe("/console?find=film");
    for (const to of [
      "https://evil.example/console",
      "//evil.example/console",
      "/\\evil.example/console",
      "/metrics",
      signInPath,
    ])
      expect(await leads(to)).toBe("/console");
  });

  it("is not shown for a failure of a store", async () => {
    const stage = await consoleStage();
    const cookie = await stage.signIn();
    const revocations = { ...stage.context.revocations, current: async () => unavailable };
    const page = await stage.look("/console", cookie, { ...stage.context, revocations });
    const text = await page.text();
    expect([page.status, text.includes('name="credential"')]).toEqual([503, false]);
    expect(text).toMatch(/<h1>[^<]+<\/h1>/);
  });

  it("is not rate limited by refused tokens of viewers with the same address", async () => {
    const refusedRateAddress = { name: "refused-address", quota: 1, window: seconds(3600) };
    const stage = await consoleStage({ settings: { refusedRateAddress } });
    for (let i = 0; i < 3; i++)
      await stage.context.limits.take(refusedRateAddress, networkName("192.0.2.1") ?? "", now);
    const from = { "CF-Connecting-IP": "192.0.2.1" };
    expect((await stage.post(signInPath, { credential: await stage.credential() }, from)).status).toBe(303);
    expect((await stage.post(signInPath, { credential: "x" }, from)).status).toBe(401);
    const late = await stage.post(signInPath, { credential: "x" }, from);
    expect([late.status, await late.text()]).toEqual([429, expect.stringMatching(/Try again in \d/)]);
  });
});

const unavailable = {
  ok: false,
  refusal: { code: "store_unavailable", reason: "the revocation log is silent" },
} as const;

async function revoke(
  context: Parameters<typeof revokeNow>[1],
  what: Partial<Parameters<typeof revokeNow>[0]>,
): Promise<void> {
  const done = await revokeNow({ lift: false, ...what }, context);
  if (!done.ok) throw new Error(done.refusal.reason);
}
