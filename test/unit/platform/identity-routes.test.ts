import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { identityRoutes } from "../../../src/identity/identity-client.ts";
import { type EndedLogin, withEndedLogins } from "../../../src/identity/service-messages.ts";

const login = (name: string, logged = true): EndedLogin => ({
  userId: "ann",
  login: name,
  tokensUntil: unixSeconds(1_795_000_900),
  logged,
});

/** The identity worker on its binding, whose response ends these logins. */
function routes(ended: readonly EndedLogin[], works = true) {
  const endedLogins: string[] = [];
  const background: Promise<unknown>[] = [];
  const headers = new Headers([
    ["Set-Cookie", "a=1"],
    ["Set-Cookie", "b=2"],
  ]);
  const binding = { fetch: async () => withEndedLogins(new Response("body", { headers }), ended) };
  const endLogin = async ({ login: name }: EndedLogin) => {
    endedLogins.push(name);
    return works;
  };
  const send = identityRoutes(binding, endLogin, (work) => void background.push(work));
  return { send: () => send(new Request("https://api.example/api/auth/sign-out")), endedLogins, background };
}

describe("the identity worker's routes", () => {
  it("end the logins that a request ended in the background, and do not show the client which", async () => {
    const { send, endedLogins, background } = routes([login("one"), login("two")]);
    const response = await send();
    expect([endedLogins, background.length]).toEqual([["one", "two"], 2]);
    expect([...response.headers.keys()].filter((name) => name.startsWith("stagedoor"))).toEqual([]);
    expect([response.headers.getSetCookie(), await response.text()]).toEqual([["a=1", "b=2"], "body"]);
  });

  it("wait for that if the revocation log was full, and reject if it fails", async () => {
    const { send, endedLogins, background } = routes([login("one", false)]);
    await send();
    expect([endedLogins, background.length]).toEqual([["one"], 0]);
    await expect(routes([login("one", false)], false).send()).rejects.toThrow("not ended");
    expect((await routes([login("one")], false).send()).status).toBe(200);
  });

  it("pass on a response that ended no login unchanged", async () => {
    const { send, endedLogins } = routes([]);
    expect([(await send()).status, endedLogins]).toEqual([200, []]);
  });
});
