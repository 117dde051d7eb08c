import { decodeJwt } from "jose";
import { expect, it } from "vitest";
import { identityStage, signIn } from "./stage.ts";

const account = { email: "eve@example.com", password: "correct horse battery", name: "Eve" };
const users = (stage: Awaited<ReturnType<typeof identityStage>>) =>
  stage.database.prepare("SELECT email FROM user").all().length;

it("makes no account where sign-up is closed, whatever is sent, and signs in those that there are", async () => {
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
])("gives a new account what the setting says and nothing else: %j", async (assets, opened) => {
  const stage = await identityStage({ assets });
  const eve = await signIn(stage, "eve@example.com");
  const answer = Object(await (await stage.ask("/token", { headers: { cookie: eve.cookie } })).json());
  expect(decodeJwt(answer.token).assets).toEqual(opened);
});

it("lets no new account name its own assets or number of streams", async () => {
  const stage = await identityStage({ assets: "" });
  for (const more of [{ assets: "*" }, { streams: 5 }]) {
    const refused = await stage.post("/sign-up/email", { ...account, ...more });
    expect([refused.status, Object(await refused.json()).code]).toEqual([400, "MEMBER_UNKNOWN"]);
  }
  expect((await stage.post("/sign-up/email", account)).status).toBe(200);
  const rows = stage.database.prepare("SELECT assets, streams FROM user").all();
  expect(rows.map(({ assets, streams }) => [assets, streams])).toEqual([["", null]]);
});
