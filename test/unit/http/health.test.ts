import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/seconds.ts";
import { type Part, readiness, readyAnswer } from "../../../src/http/health.ts";
import { now } from "../signing/session.ts";
import { api, brokenCatalog } from "./start.ts";

const waitUntil = () => undefined;

function stage(parts: Readonly<Record<string, Part>>) {
  const state: { now: UnixSeconds } = { now };
  const rings: (() => void)[] = [];
  const ready = readiness({
    parts,
    clock: () => state.now,
    timer: (length, ring) => {
      expect(length).toBe(2);
      rings.push(ring);
      return () => undefined;
    },
  });
  return { state, rings, ready, ask: (method = "GET") => readyAnswer(method, ready, waitUntil) };
}

describe("/ready", () => {
  it("is 503 and names the parts that do not answer: by a no, by a rejection, or not within two seconds", async () => {
    const { ask, rings } = stage({
      sound: async () => true,
      refusing: async () => false,
      failing: () => Promise.reject(new Error("MARKED")),
      throwing: () => {
        throw new Error("MARKED");
      },
      silent: () => new Promise(() => undefined),
    });
    const asked = ask();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ring of rings) ring();
    const answered = await asked;
    expect([answered.status, await answered.json()]).toEqual([
      503,
      {
        status: "not ready",
        parts: Object.fromEntries(
          ["refusing", "failing", "throwing", "silent"].map((name) => [name, "does not answer"]),
        ),
      },
    ]);
  });

  it("asks the parts once in two seconds, however often it is asked, and then anew", async () => {
    let asked = 0;
    let sound = true;
    const { state, ask } = stage({
      store: async () => {
        asked++;
        return sound;
      },
    });
    expect([(await ask()).status, (await ask()).status, asked]).toEqual([200, 200, 1]);
    sound = false;
    state.now = unixSeconds(now + 1);
    expect([(await ask()).status, asked]).toEqual([200, 1]);
    state.now = unixSeconds(now + 2);
    expect([(await ask()).status, asked]).toEqual([503, 2]);
  });

  it("has no body for HEAD, and the same status", async () => {
    const answered = await stage({ store: async () => false }).ask("HEAD");
    expect([answered.status, await answered.text()]).toEqual([503, ""]);
  });
});

describe("at the API", () => {
  const jwks = (status: number) => ({ identity: async () => new Response("{}", { status }) });

  it.each(["/", "/api/v1"])("both stand at the root where the base path is %s", async (basePath) => {
    const { send } = await api({}, basePath);
    for (const [path, status] of [
      ["/health", "ok"],
      ["/ready", "ready"],
    ] as const) {
      const answered = await send(path);
      expect([answered.status, await answered.json()]).toEqual([200, { status }]);
      expect(answered.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  it("a store that is down leaves it healthy, and makes it not ready", async () => {
    const revocations = { atHand: () => undefined, current: brokenCatalog };
    const { send } = await api({ catalog: brokenCatalog, revocations });
    expect((await send("/health")).status).toBe(200);
    const answered = await send("/ready");
    const text = await answered.text();
    expect([answered.status, Object.keys(JSON.parse(text).parts)]).toEqual([503, ["revocations", "catalog"]]);
    expect(text).not.toContain("MARKED");
  });

  it("the identity worker is a part of it where one is bound", async () => {
    const asked: string[] = [];
    const identity = async ({ url }: Request) => {
      asked.push(url);
      return new Response("{}");
    };
    expect((await (await api({}, "/", { identity })).send("/ready")).status).toBe(200);
    expect(asked).toEqual(["https://api.example/api/auth/jwks"]);
    const answered = await (await api({}, "/", jwks(503))).send("/ready");
    expect(await answered.json()).toEqual({ status: "not ready", parts: { identity: "does not answer" } });
  });
});
