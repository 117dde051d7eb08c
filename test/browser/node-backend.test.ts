import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { credentialKeyOf, signCredential } from "../../cli/lib/ring-credential.ts";
import { seconds } from "../../src/base/time.ts";
import { get, until, untilRefused } from "../cluster/viewer.ts";
import { browserForFile } from "./browsing.ts";

const cluster = inject("usual");
const inTab = browserForFile();
let server: ChildProcess | undefined;
let site = "";
let output = "";

beforeAll(async () => {
  const key = credentialKeyOf({ keys: cluster.keys }, "backend");
  if (key === undefined) throw new Error("the ring has no backend key");
  const claims = { issuer: "stagedoor-backend", name: "example", scope: "stream:play", lifetime: seconds(900) };
  const { token } = await signCredential(key, { ...claims, more: { assets: "*", rate: 6000 } });
  const env = { ...process.env, PORT: "0", STAGEDOOR_API: cluster.apiUrl, STAGEDOOR_CREDENTIAL: token };
  server = spawn(process.execPath, [join(projectRoot, "examples/node-backend/server.mjs")], {
    env: { ...env, DEMO_PASSWORD: "secret" },
  });
  for (const stream of [server.stdout, server.stderr]) stream?.on("data", (chunk) => (output += chunk));
  site = await until(
    () => /^Page +(\S+)\/$/m.exec(output)?.[1] ?? "",
    (url) => url !== "",
  );
});
afterAll(() => server?.kill());

async function post(path: string, body: object, cookie = "") {
  const headers = { "Content-Type": "application/json", ...(cookie !== "" && { Cookie: cookie }) };
  const response = await fetch(site + path, { method: "POST", headers, body: JSON.stringify(body) });
  const setCookie = response.headers.get("Set-Cookie") ?? "";
  return { status: response.status, body: Object(await response.json()), setCookie };
}

async function signedIn(user: string) {
  const { setCookie } = await post("/sign-in", { user, password: "secret" });
  expect(setCookie).toMatch(/; HttpOnly; SameSite=Strict; /);
  return setCookie.split(";")[0] ?? "";
}

it("the example of a web backend plays in its page, and its sign-out ends the stream", async () => {
  await inTab(async ({ page, traffic }) => {
    await page.goto(`${site}/`);
    await page.getByLabel("Password").fill("secret");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0.5);
    const status = () => page.getByRole("status").textContent();
    await expect.poll(status).toBe("Playing.");
    const segment = traffic.urls.find((url) => url.includes("seg=")) ?? "";
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect.poll(status).toBe("Signed out. All your streams have ended.");
    await untilRefused(segment, "session_revoked");
  });
});

it("the example keeps viewers apart: by the cookie, and not by what a page sends", async () => {
  const [ann, bob] = [await signedIn("ann"), await signedIn("bob")];
  const { body } = await post("/play", { asset: "vod-ts" }, ann);
  expect((await get(body.manifestUrl)).status).toBe(200);
  expect(body.grant).toBeUndefined();
  await post("/stop", { sessionId: body.sessionId }, bob);
  expect((await get(body.manifestUrl)).status).toBe(200);
  await post("/stop", { sessionId: body.sessionId }, ann);
  await untilRefused(body.manifestUrl, "session_revoked");
  expect(await post("/play", { asset: "vod-ts" })).toMatchObject({ status: 401, body: { code: "sign_in_required" } });
  expect(await post("/play", { asset: "nothing" }, bob)).toMatchObject({
    status: 404,
    body: { code: "asset_unknown" },
  });
  expect(await post("/sign-in", { user: "ann", password: "wrong" })).toMatchObject({ status: 401 });
  expect((await fetch(`${site}/play`, { method: "POST", headers: { Cookie: bob }, body: "{}" })).status).toBe(415);
  expect(output).not.toMatch(/eyJ/);
});
