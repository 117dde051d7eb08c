import type { MillisecondClock } from "../../base/milliseconds.ts";
import { unixSeconds } from "../../base/seconds.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import { type KeptRevocation, merge, shortened, takeBack } from "../../sessions/revocation-merge.ts";

/** A {@link RevocationLog} in memory, which forgets nothing, is never full and ends with its process: for tests. */
export function memoryRevocationLog(clock: MillisecondClock, pageSize = 10_000): RevocationLog {
  const kept = new Map<string, { readonly entry: KeptRevocation; readonly seq: number }>();
  const first = 1;
  let last = first;
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const find = (kind: string, value: string) => kept.get(`${kind} ${value}`)?.entry;
  const write = (entry: KeptRevocation) => {
    kept.set(`${entry.kind} ${entry.value}`, { entry, seq: ++last });
  };
  return {
    append: async (entries, by) => {
      for (const entry of entries) {
        const changed = merge(find(entry.kind, entry.value), entry, by, now());
        if (changed !== undefined) write(changed);
      }
      return 0;
    },
    shorten: async (kind, value, until) => {
      const changed = shortened(find(kind, value), until, now());
      if (changed !== undefined) write(changed);
    },
    lift: async (kind, value) => {
      const changed = takeBack(find(kind, value), now());
      if (changed !== undefined) write(changed);
      return changed !== undefined;
    },
    since: async (cursor) => {
      const reset = cursor < first || cursor > last;
      const rows = [...kept.values()]
        .filter(({ seq, entry }) => (reset ? entry.until > now() : seq > cursor))
        .toSorted((a, b) => a.seq - b.seq);
      const page = rows.slice(0, pageSize);
      const more = rows.length > pageSize;
      return {
        cursor: more ? (page.at(-1)?.seq ?? last) : last,
        asOf: clock(),
        reset,
        more,
        entries: page.map(({ entry: { kind, value, cause, at, until } }) => ({ kind, value, cause, at, until })),
      };
    },
  };
}
