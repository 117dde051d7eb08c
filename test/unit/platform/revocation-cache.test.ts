import { describe, expect, it } from "vitest";
import { unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import type { EdgeCache } from "../../../src/platform/cloudflare/edge-cache.ts";
import { type RevocationLogNamespace, revocationLog } from "../../../src/platform/cloudflare/revocation-log.ts";
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

/** The adapter over a log in memory, whose clock may be ahead, and a cache that keeps for ever, however it was asked to. */
function stage(cache: Partial<Pick<EdgeCache, "match" | "put">> = {}, answer?: unknown, ahead = 0) {
  const time = { now: 1_800_000_000_000 };
  const clock = () => unixMilliseconds(time.now);
  const stored = memoryRevocationLog(() => unixMilliseconds(time.now + ahead));
  const asked: number[] = [];
  const named: string[] = [];
  const entries = new Map<string, Response>();
  const objects: RevocationLogNamespace<string> = {
    idFromName: (name) => {
      named.push(name);
      return name;
    },
    get: () => ({
      append: async () => stored.append([entry], "viewer"),
      shorten: async () => undefined,
      lift: async () => answer ?? stored.lift("session", "s"),
      since: async (cursor) => {
        asked.push(cursor);
        return answer ?? writePage(await stored.since(cursor));
      },
    }),
  };
  const keepsForEver = {
    match: async ({ url }: Request) => entries.get(url)?.clone(),
    put: async (url: string, response: Response) => void entries.set(url, response),
    ...cache,
  };
  const log = revocationLog({ objects, cache: keepsForEver, mediaUrl: "https://media.example", clock });
  return { log, time, asked, named, entries };
}

describe("the revocation log behind a data centre's cache", () => {
  it("asks the one object once for all who come from the same cursor within a second", async () => {
    const { log, time, asked, named } = stage();
    const first = await log.since(0);
    time.now += 999;
    expect(await log.since(0)).toEqual(first);
    expect(asked).toEqual([0]);
    expect(new Set(named)).toEqual(new Set(["log"]));
  });

  it("takes nothing that is a second old, whatever the cache says", async () => {
    const { log, time, asked } = stage();
    await log.since(0);
    time.now += 1_000;
    expect((await log.since(0)).asOf).toBe(time.now);
    expect(asked).toEqual([0, 0]);
  });

  it("takes nothing of the future: a clock is wrong there, and nobody knows how old it is", async () => {
    const { log, time, asked } = stage();
    await log.since(0);
    time.now -= 1;
    await log.since(0);
    expect(asked).toEqual([0, 0]);
  });

  it.each([-60_000, -2000, 2000, 60_000])(
    "counts an answer from when it was asked for, though the object's clock is %i ms ahead",
    async (ahead) => {
      const { log, time, asked } = stage({}, undefined, ahead);
      const first = await log.since(0);
      expect(first.asOf).toBe(time.now);
      time.now += 999;
      expect(await log.since(0)).toEqual(first);
      time.now += 1;
      await log.since(0);
      expect(asked).toEqual([0, 0]);
    },
  );

  it("tells cursors apart", async () => {
    const { log, asked } = stage();
    const { cursor } = await log.since(0);
    await log.append([entry], "viewer");
    expect((await log.since(cursor)).entries).toEqual([entry]);
    expect(asked).toEqual([0, cursor]);
  });

  it("keeps an answer for a second, under an address of the media host that no grant can begin", async () => {
    const { log, entries } = stage();
    await log.since(0);
    const [[url, response] = []] = entries;
    expect(url).toBe("https://media.example/.revocations/0");
    expect(response?.headers.get("Cache-Control")).toBe("public, max-age=1");
  });

  it("does without a cache that fails, or holds what is no answer", async () => {
    const fails = async () => {
      throw new Error("no cache");
    };
    expect((await stage({ match: fails, put: fails }).log.since(0)).entries).toEqual([]);
    const odd = { match: async () => new Response('{"entries": []}') };
    expect((await stage(odd).log.since(0)).asOf).toBe(1_800_000_000_000);
    expect((await stage({ match: async () => new Response("<html>") }).log.since(0)).entries).toEqual([]);
  });

  it("rejects what the object answers and is no answer, and keeps it nowhere", async () => {
    const { log, entries } = stage(
      {},
      { cursor: 1, asOf: 1, reset: false, more: false, entries: [{ kind: "planet" }] },
    );
    await expect(log.since(0)).rejects.toThrow();
    await expect(log.lift("session", "s")).rejects.toThrow();
    expect(entries.size).toBe(0);
  });
});
