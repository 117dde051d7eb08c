import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { type EndedLogin, withEndedLogins } from "../../../src/identity/sign-out.ts";
import { identityRoutes } from "../../../src/platform/cloudflare/identity-service.ts";

const login = (name: string, logged = true): EndedLogin => ({
  userId: "ann",
  login: name,
  tokensUntil: unixSeconds(1_795_000_900),
  logged,
});

/** The identity worker behind its binding, where a request ended these logins. */
function routes(ended: readonly EndedLogin[], works = true) {
  const told: string[] = [];
  const behind: Promise<unknown>[] = [];
  const headers = new Headers([
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ]);
  const binding = { fetch: async () => withEndedLogins(new Response("body", { headers }), ended) };
  const endLogin = async ({ login: name }: EndedLogin) => {
    told.push(name);
    return works;
  };
  const ask = identityRoutes(binding, endLogin, (work) => void behind.push(work));
  return { ask: () => ask(new Request("https://api.example/api/auth/sign-out")), told, behind };
}

describe("the identity worker's routes", () => {
  it("have the rows of what a request ended ended in the background, and show nobody which", async () => {
    const { ask, told, behind } = routes([login("one"), login("two")]);
    const response = await ask();
    expect([told, behind.length]).toEqual([["one", "two"], 2]);
    expect([...response.headers.keys()].filter((name) => name.startsWith("stagedoor"))).toEqual([]);
    expect([response.headers.getSetCookie(), await response.text()]).toEqual([["a=1", "b=2"], "body"]);
  });

  it("wait for that where the revocation log was full, and reject where it fails", async () => {
    const { ask, told, behind } = routes([login("one", false)]);
    await ask();
    expect([told, behind.length]).toEqual([["one"], 0]);
    await expect(routes([login("one", false)], false).ask()).rejects.toThrow("not ended");
    expect((await routes([login("one")], false).ask()).status).toBe(200);
  });

  it("pass on what ended nothing as it is", async () => {
    const { ask, told } = routes([]);
    expect([(await ask()).status, told]).toEqual([200, []]);
  });
});
