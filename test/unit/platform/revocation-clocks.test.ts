import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { milliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import { type RevocationLogNamespace, revocationLog } from "../../../src/platform/cloudflare/session-stores.ts";
import { writePage } from "../../../src/sessions/revocation-store.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";
import { ManualTime, sessionEntry } from "../sessions/revocation-fixture.ts";

/** Two isolates of a data centre, and an object whose clock is this many milliseconds ahead of theirs. */
function dataCentre(ahead: number, pageSize?: number) {
  const time = new ManualTime();
  const stored = memoryRevocationLog(() => unixMilliseconds(time.now + ahead), pageSize);
  const way = { there: 0, back: 0 };
  const entries = new Map<string, string>();
  let questions = 0;
  const object: ReturnType<RevocationLogNamespace<string>["get"]> = {
    append: () => Promise.reject(new Error("not of this test")),
    shorten: () => Promise.reject(new Error("not of this test")),
    lift: () => Promise.reject(new Error("not of this test")),
    since: async (cursor) => {
      questions++;
      const { there, back } = way;
      if (there > 0) await time.wait(there);
      const delta = await stored.since(cursor);
      if (back > 0) await time.wait(back);
      return writePage(delta);
    },
  };
  const log = revocationLog({
    objects: { idFromName: (name) => name, get: () => object },
    cache: {
      match: async ({ url }) => {
        const body = entries.get(url);
        if (body === undefined) return undefined;
        const response = new Response(body);
        const text = () => time.holdFor(new Response(body).text());
        // Not by assignment: the Response of @hono/node-server, which replaces the global one, has a text that is read-only.
        return Object.defineProperty(response, "text", { value: text });
      },
      put: async (url, response) => void entries.set(url, await time.holdFor(response.text())),
    },
    mediaUrl: "https://media.example",
    clock: time.clock,
  });
  const parts = { log, clock: time.clock, timer: time.timer, maxAge: milliseconds(2_000), failure: "closed" } as const;
  const isolates = [watchRevocations(parts), watchRevocations(parts)] as const;
  const current = async (isolate: 0 | 1) => {
    const result = await isolates[isolate].current(() => undefined);
    return result.ok ? [...result.value.entries.session.keys()] : result.refusal.code;
  };
  const revoke = (value: string) => stored.append([sessionEntry(value)], "viewer");
  return { time, way, current, revoke, questions: () => questions };
}

describe("an object with a clock that differs from the data centre's", () => {
  const ahead = fc.integer({ min: -60_000, max: 60_000 });

  it("still shows a revocation within two seconds, and refuses no request", async () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 1_500 }),
      kind: fc.constantFrom("revoke", "ask", "ask", "way"),
      isolate: fc.constantFrom(0 as const, 1 as const),
      there: fc.integer({ min: 0, max: 900 }),
      back: fc.integer({ min: 0, max: 900 }),
    });
    await fc.assert(
      fc.asyncProperty(ahead, fc.array(event, { maxLength: 30 }), async (by, events) => {
        const on = dataCentre(by);
        const revoked: { value: string; at: number }[] = [];
        const checks: Promise<void>[] = [];
        for (const { after, kind, isolate, there, back } of events) {
          await on.time.pass(after);
          const { now } = on.time;
          if (kind === "way") Object.assign(on.way, { there, back });
          else if (kind === "revoke") {
            revoked.push({ value: `s${revoked.length}`, at: now });
            await on.revoke(`s${revoked.length - 1}`);
          } else {
            const must = revoked.filter(({ at }) => at <= now - 2_000).map(({ value }) => value);
            checks.push(on.current(isolate).then((held) => expect(held).toEqual(expect.arrayContaining(must))));
          }
        }
        await on.time.pass(6_000);
        await Promise.all(checks);
      }),
      { numRuns: 100 },
    );
  });

  it("costs no more requests than one with the right clock, because the data centre's cache is used", async () => {
    await fc.assert(
      fc.asyncProperty(ahead, async (by) => {
        const on = dataCentre(by);
        await on.current(0);
        await on.time.pass(500);
        expect(await on.current(1)).toEqual([]);
        expect(on.questions()).toBe(1);
      }),
      { numRuns: 30 },
    );
  });
});
