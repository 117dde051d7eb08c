import { describe, expect, it } from "vitest";
import { unixMilliseconds, unixSeconds } from "../../src/base/time.ts";
import type { CatalogText } from "../../src/platform/node/sqlite-stores.ts";
import type { DurableLog } from "../../src/platform/redis/durable-log.ts";
import { LeaseDocument } from "../../src/sessions/lease-document.ts";
import type { LeaseRow } from "../../src/sessions/lease-rows.ts";
import type { Revocation } from "../../src/sessions/revocation.ts";

/** A durable log that is empty, with a clock that the test sets. */
export type OpenLog = (clock: () => ReturnType<typeof unixMilliseconds>) => Promise<{
  readonly log: DurableLog;
  readonly catalog: CatalogText;
}>;

const start = 2_000_000_000;
const entry = (value: string, until = start + 3600): Revocation => ({
  kind: "asset",
  value,
  cause: "revoked",
  at: unixSeconds(start),
  until: unixSeconds(until),
});
const rowOf = (sessionId: string, ended: LeaseRow["ended"]): LeaseRow => ({
  sessionId,
  assetId: "film",
  startedAt: unixSeconds(start),
  seenAt: unixSeconds(start),
  expiresAt: unixSeconds(start + 3600),
  leaseUntil: unixSeconds(start + 90),
  limit: undefined,
  ended,
  login: undefined,
  networks: [],
});
const kept = (revocation: Revocation) => ({ ...revocation, by: "operator" as const, keepUntil: revocation.until });

/** What every durable log does. */
export function durableLogContract(open: OpenLog): void {
  let now = start;
  const opened = () => {
    now = start;
    return open(() => unixMilliseconds(now * 1000));
  };
  const valuesOf = async ({ rows }: DurableLog) => (await rows()).map(({ value }) => value).toSorted();

  describe("revocations", () => {
    it("are listed until they are lifted or expire", async () => {
      const { log } = await opened();
      await log.append([entry("one"), entry("two", start + 60), entry("three")], "operator");
      await log.lift("asset", "three");
      expect(await valuesOf(log)).toEqual(["one", "two"]);
      now = start + 60;
      expect(await valuesOf(log)).toEqual(["one"]);
    });

    it("are merged with their row: an operator's entry is never shortened by a viewer", async () => {
      const { log } = await opened();
      await log.append([entry("one", start + 100)], "viewer");
      await log.append([entry("one", start + 50)], "operator");
      await log.shorten("asset", "one", unixSeconds(start + 10));
      expect(await log.rows()).toEqual([{ ...entry("one", start + 100), by: "operator", keepUntil: start + 100 }]);
    });

    it("keep the last grant and the subject of a session's end, of this process and of others", async () => {
      const { log } = await opened();
      const details = { lastGrant: unixSeconds(start + 7200), subject: "ann" };
      const ended = (value: string): Revocation => ({ ...entry(value), ...details, kind: "session", cause: "taken" });
      await log.append([ended("own")], "viewer");
      await log.learn([{ ...ended("learned"), by: "viewer", keepUntil: unixSeconds(start + 3600) }]);
      const rows = async () => (await log.rows()).toSorted((one, other) => one.value.localeCompare(other.value));
      await expect.poll(rows).toMatchObject([ended("learned"), ended("own")]);
    });

    it("that another process wrote or lifted are added", async () => {
      const { log } = await opened();
      await log.append([entry("one"), entry("two")], "operator");
      await log.learn([kept(entry("three")), kept({ ...entry("two"), until: unixSeconds(0) })]);
      await expect.poll(() => valuesOf(log)).toEqual(["one", "three"]);
    });

    it("of many writers at once are all listed", async () => {
      const { log } = await opened();
      await Promise.all(Array.from({ length: 20 }, (_, index) => log.append([entry(`film-${index % 10}`)], "viewer")));
      expect(await valuesOf(log)).toHaveLength(10);
    });
  });

  describe("ends of sessions and sign-outs", () => {
    it("are listed until the last grant has expired, and the later time counts", async () => {
      const { log } = await opened();
      const document = new LeaseDocument(undefined);
      for (const row of [rowOf("s1", "taken"), rowOf("s2", undefined)]) document.put(row);
      document.putMarker({ kind: "signed_out", name: "phone", until: unixSeconds(start + 30) });
      await log.noteEnds("ann", document.text);
      document.putMarker({ kind: "signed_out", name: "phone", until: unixSeconds(start + 60) });
      await log.noteEnds("ann", document.text);
      const phone = { kind: "login", subject: "ann", value: "phone", until: start + 60 };
      const session = { kind: "session", subject: "ann", value: "s1", cause: "taken", until: start + 3600 };
      expect(new Set(await log.ends())).toEqual(new Set([phone, session]));
      now = start + 60;
      expect(await log.ends()).toEqual([session]);
      await log.removeEnded();
      expect(await log.ends()).toEqual([session]);
    });
  });

  describe("the copy of the catalog", () => {
    it("is replaced only by an edit of the text that it has", async () => {
      const { catalog } = await opened();
      expect(await catalog.load()).toBe(undefined);
      expect(await catalog.replace("{}", undefined)).toBe(true);
      expect(await catalog.replace("[]", undefined)).toBe(false);
      expect(await catalog.replace("[]", "{ }")).toBe(false);
      expect(await catalog.replace("[]", "{}")).toBe(true);
      await catalog.save("saved");
      expect(await catalog.load()).toBe("saved");
    });
  });
}
