import { decodeJwt } from "jose";
import { expect, it } from "vitest";
import { identityStage, signIn } from "./stage.ts";

const account = { email: "eve@example.com", password: "correct horse battery", name: "Eve" };
const users = (stage: Awaited<ReturnType<typeof identityStage>>) =>
  stage.database.prepare("SELECT email FROM user").all().length;

it("a closed sign-up creates no account, whatever the request, and existing users can still sign in", async () => {
  const stage = await identityStage();
  await signIn(stage, "ann@example.com");
  Object.assign(stage.parts.settings, { signUp: "closed" });
  const { post } = stage;
  for (const body of [account, { ...account, password: "x" }, { ...account, email: "ann@example.com" }, {}]) {
    const response = await post("/sign-up/email", body);
    expect([response.status, Object(await response.json()).code]).toEqual([403, "SIGN_UP_CLOSED"]);
    expect(response.headers.getSetCookie()).toEqual([]);
  }
  expect(users(stage)).toBe(1);
  const again = await post("/sign-in/email", { email: "ann@example.com", password: account.password });
  expect(again.status).toBe(200);
});

it.each([
  ["", []],
  ["film-1 film-2", ["film-1", "film-2"]],
  ["*", "*"],
])("a new account has exactly the assets of the setting %j", async (assets, expected) => {
  const stage = await identityStage({ assets });
  const eve = await signIn(stage, "eve@example.com");
  const body = Object(await (await stage.fetch("/token", { headers: { cookie: eve.cookie } })).json());
  expect(decodeJwt(body.token).assets).toEqual(expected);
});

it("a new account cannot set its own assets or number of streams", async () => {
  const stage = await identityStage({ assets: "" });
  for (const more of [{ assets: "*" }, { streams: 5 }]) {
    const refused = await stage.post("/sign-up/email", { ...account, ...more });
    expect([refused.status, Object(await refused.json()).code]).toEqual([400, "MEMBER_UNKNOWN"]);
  }
  expect((await stage.post("/sign-up/email", account)).status).toBe(200);
  const rows = stage.database.prepare("SELECT assets, streams FROM user").all();
  expect(rows.map(({ assets, streams }) => [assets, streams])).toEqual([["", null]]);
});
