import { expect, it } from "vitest";
import { identityStage } from "./stage.ts";

const apps = ["capacitor://localhost", "ionic://localhost", "tauri://localhost", "http://tauri.localhost"];

it("the identity worker lets apps with a trusted origin sign in, and no others", async () => {
  const stage = await identityStage({ origins: [...apps, "https://localhost", "http://localhost:8100"] });
  const account = { email: "ann@example.com", password: "correct horse battery" };
  expect(
    (await stage.post("/sign-up/email", { ...account, name: "Ann" }, { Origin: "capacitor://localhost" })).status,
  ).toBe(200);
  const signIn = async (origin: string) => (await stage.post("/sign-in/email", account, { Origin: origin })).status;
  for (const origin of [...apps, "https://localhost", "http://localhost:8100"])
    expect([origin, await signIn(origin)]).toEqual([origin, 200]);
  for (const origin of [
    "null",
    "capacitor://evil",
    "capacitor://localhost:80",
    "capacitor://localhost.evil.example",
    "http://localhost",
    "https://localhost:8100",
    "https://tauri.localhost",
    "file://",
  ])
    expect([origin, await signIn(origin)]).toEqual([origin, 403]);
});
