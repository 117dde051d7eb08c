import { describe, expect, it } from "vitest";
import { unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import type { EdgeCache } from "../../../src/platform/cloudflare/edge-cache.ts";
import { type RevocationLogNamespace, revocationLog } from "../../../src/platform/cloudflare/session-stores.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { writePage } from "../../../src/sessions/revocation-store.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";

const entry: Revocation = {
  kind: "session",
  value: "s",
  cause: "revoked",
  at: unixSeconds(1_800_000_000),
  until: unixSeconds(1_900_000_000),
};

/** The adapter over a log in memory, whose clock may be ahead, and a cache that keeps every entry for ever. */
function stage(cache: Partial<Pick<EdgeCache, "match" | "put">> = {}, fixedAnswer?: unknown, ahead = 0) {
  const time = { now: 1_800_000_000_000 };
  const clock = () => unixMilliseconds(time.now);
  const stored = memoryRevocationLog(() => unixMilliseconds(time.now + ahead));
  const cursors: number[] = [];
  const names: string[] = [];
  const entries = new Map<string, Response>();
  const objects: RevocationLogNamespace<string> = {
    idFromName: (name) => {
      names.push(name);
      return name;
    },
    get: () => ({
      append: async () => stored.append([entry], "viewer"),
      shorten: async () => undefined,
      lift: async () => fixedAnswer ?? stored.lift("session", "s"),
      since: async (cursor, detail) => {
        cursors.push(cursor);
        return fixedAnswer ?? writePage(await stored.since(cursor, detail === "full" ? detail : "plain"));
      },
    }),
  };
  const keepsForEver = {
    match: async ({ url }: Request) => entries.get(url)?.clone(),
    put: async (url: string, response: Response) => void entries.set(url, response),
    ...cache,
  };
  const log = revocationLog({ objects, cache: keepsForEver, mediaUrl: "https://media.example", clock });
  return { log, time, cursors, names, entries };
}

describe("the revocation log with a data centre's cache", () => {
  it("asks the object once for all requests with one cursor within a second", async () => {
    const { log, time, cursors, names } = stage();
    const first = await log.since(0);
    time.now += 999;
    expect(await log.since(0)).toEqual(first);
    expect(cursors).toEqual([0]);
    expect(new Set(names)).toEqual(new Set(["log"]));
  });

  it("neither caches an answer in full nor answers with it from the cache", async () => {
    const { log, cursors, entries } = stage();
    await log.append([entry], "viewer");
    expect((await log.since(0, "full")).entries).toEqual([{ ...entry, by: "viewer" }]);
    expect(entries.size).toBe(0);
    expect((await log.since(0)).entries).toEqual([entry]);
    expect((await log.since(0, "full")).entries).toEqual([{ ...entry, by: "viewer" }]);
    expect(cursors).toEqual([0, 0, 0]);
  });

  it("uses no answer that is a second old, whatever the cache returns", async () => {
    const { log, time, cursors } = stage();
    await log.since(0);
    time.now += 1_000;
    expect((await log.since(0)).asOf).toBe(time.now);
    expect(cursors).toEqual([0, 0]);
  });

  it("uses no answer from the future, because a wrong clock hides its age", async () => {
    const { log, time, cursors } = stage();
    await log.since(0);
    time.now -= 1;
    await log.since(0);
    expect(cursors).toEqual([0, 0]);
  });

  it.each([-60_000, -2000, 2000, 60_000])(
    "dates an answer by the time of its request, even if the object's clock is %i ms ahead",
    async (ahead) => {
      const { log, time, cursors } = stage({}, undefined, ahead);
      const first = await log.since(0);
      expect(first.asOf).toBe(time.now);
      time.now += 999;
      expect(await log.since(0)).toEqual(first);
      time.now += 1;
      await log.since(0);
      expect(cursors).toEqual([0, 0]);
    },
  );

  it("keeps cursors apart", async () => {
    const { log, cursors } = stage();
    const { cursor } = await log.since(0);
    await log.append([entry], "viewer");
    expect((await log.since(cursor)).entries).toEqual([entry]);
    expect(cursors).toEqual([0, cursor]);
  });

  it("caches an answer for a second, at a URL of the media host that is never a grant's", async () => {
    const { log, entries } = stage();
    await log.since(0);
    const [[url, response] = []] = entries;
    expect(url).toBe("https://media.example/.revocations/0");
    expect(response?.headers.get("Cache-Control")).toBe("public, max-age=1");
  });

  it("works without a cache that fails or returns something else", async () => {
    const fails = async () => {
      throw new Error("no cache");
    };
    expect((await stage({ match: fails, put: fails }).log.since(0)).entries).toEqual([]);
    const odd = { match: async () => new Response('{"entries": []}') };
    expect((await stage(odd).log.since(0)).asOf).toBe(1_800_000_000_000);
    expect((await stage({ match: async () => new Response("<html>") }).log.since(0)).entries).toEqual([]);
  });

  it("rejects an invalid answer of the object, and does not cache it", async () => {
    const { log, entries } = stage(
      {},
      { cursor: 1, asOf: 1, reset: false, more: false, entries: [{ kind: "planet" }] },
    );
    await expect(log.since(0)).rejects.toThrow();
    await expect(log.lift("session", "s")).rejects.toThrow();
    expect(entries.size).toBe(0);
  });
});
