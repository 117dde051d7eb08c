import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { type Part, readiness, readyAnswer } from "../../../src/http/health.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { memoryStreams } from "../../support/memory-stores.ts";
import { api, brokenCatalog } from "../api/start.ts";
import { now } from "../signing/session.ts";

const waitUntil = () => undefined;

function stage(parts: Readonly<Record<string, Part>>) {
  const state: { now: UnixSeconds } = { now };
  const rings: (() => void)[] = [];
  /** Those of requests that look on. */
  const glances: (() => void)[] = [];
  const ready = readiness({
    parts,
    clock: () => state.now,
    timer: (length, ring) => {
      if (length < 2) glances.push(ring);
      else rings.push(ring);
      return () => undefined;
    },
  });
  return { state, rings, glances, ready, ask: (method = "GET") => readyAnswer(method, ready, waitUntil) };
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

  it("asks the parts once, however many ask it at the same time: the first of an isolate wait, the others go by the last answer", async () => {
    const answers: ((answer: boolean) => void)[] = [];
    const { state, glances, ask } = stage({ store: () => new Promise((resolve) => void answers.push(resolve)) });
    const soon = () => new Promise((resolve) => setTimeout(resolve, 0));
    const first = [ask(), ask(), ask()];
    await soon();
    expect([answers.length, glances.length]).toEqual([1, 2]);
    answers[0]?.(true);
    await soon();
    for (const ring of glances.splice(0)) ring();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200]);
    state.now = unixSeconds(now + 2);
    const asking = ask();
    expect([(await ask()).status, (await ask()).status, answers.length]).toEqual([200, 200, 2]);
    answers[1]?.(false);
    expect([(await asking).status, (await ask()).status, answers.length]).toEqual([503, 503, 2]);
  });

  it("asks anew where the request that was asking was given up", async () => {
    let asked = 0;
    const { state, ask } = stage({
      store: () => (asked++ === 0 ? new Promise(() => undefined) : Promise.resolve(true)),
    });
    void ask();
    state.now = unixSeconds(now + 3);
    expect([(await ask()).status, asked]).toEqual([200, 2]);
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

  it("takes the streams and the limits for parts of it, and leaves nothing behind there", async () => {
    const asked: unknown[] = [];
    const streams: SessionContext["streams"] = (subject) => ({
      ...memoryStreams().streamsOf(subject),
      show: async (session) => void asked.push(subject, session),
    });
    const sound = await api({ streams }, "/", { parts: { limits: async () => true } });
    expect((await sound.send("/ready")).status).toBe(200);
    expect(asked).toEqual(["ready", "ready"]);
    const down: SessionContext["streams"] = () => ({
      ...memoryStreams().streamsOf("a"),
      show: () => Promise.reject(new Error("MARKED")),
    });
    const broken = await api({ streams: down }, "/", { parts: { limits: () => Promise.reject(new Error("MARKED")) } });
    expect(Object.keys(Object(await (await broken.send("/ready")).json()).parts)).toEqual(["streams", "limits"]);
  });

  it.each(["/health", "/ready", "/openapi.json"])("%s has the methods of a page, and says so", async (path) => {
    const { send } = await api({}, "/api/v1");
    const refused = await send(path, { method: "POST" });
    expect([refused.status, refused.headers.get("Allow")]).toEqual([405, "GET, OPTIONS"]);
    expect((await send(path, { method: "PUT" })).status).toBe(405);
    expect((await send(path, { method: "OPTIONS" })).status).toBe(204);
    expect((await send(path, { method: "HEAD" })).status).toBe(200);
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
