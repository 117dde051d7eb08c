import * as z from "zod";
import { isUnixSeconds, type MillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import {
  entryName,
  entryOfRow,
  inGroups,
  isOfBeginning,
  type KeptRevocation,
  leftOutNotes,
  planAppend,
  type Revocation,
  type RevocationDelta,
  type RevocationDetail,
  type RevocationKind,
  type RevocationLog,
  type RevocationMaker,
  revocationCauses,
  revocationKinds,
  revocationMakers,
  shortened,
  takeBack,
} from "../../sessions/revocation.ts";
import { readNote, writeNote } from "../../sessions/revocation-note.ts";
import { type RevocationBounds, usualBounds } from "../../sessions/revocation-store.ts";
import { redisScript } from "./redis-connection.ts";
import type { RedisPart } from "./redis-stores.ts";

/** Sequence numbers follow the clock, with this many per millisecond: see `sessions/revocation-store.ts`. */
const numbersPerMillisecond = 1024;

/** How often an append may lose to another process. */
const mostAttempts = 50;

/** How many rows one script may write without a stall. */
const mostRows = 500;

/**
 * Writes rows if none of those that were read has changed: ARGV has the time as a number of a sequence, the number of
 * rows that were read, each with its name and text, and then each row to write with its name, text, `keepUntil`, details and note.
 */
const writeRows = redisScript(`
local rows, order, ends, sequence, details, notes = unpack(KEYS)
local at = 3
for _ = 1, tonumber(ARGV[2]) do
  if (redis.call('HGET', rows, ARGV[at]) or '') ~= ARGV[at + 1] then return 0 end
  at = at + 2
end
local last = tonumber(redis.call('HGET', sequence, 'last') or '0')
while ARGV[at] do
  last = math.max(last + 1, tonumber(ARGV[1]))
  redis.call('HSET', rows, ARGV[at], ARGV[at + 1])
  redis.call('ZADD', order, string.format('%.0f', last), ARGV[at])
  redis.call('ZADD', ends, ARGV[at + 2], ARGV[at])
  if ARGV[at + 3] ~= '' then redis.call('HSET', details, ARGV[at], ARGV[at + 3]) end
  if ARGV[at + 4] ~= '' then redis.call('HSET', notes, ARGV[at], ARGV[at + 4]) else redis.call('HDEL', notes, ARGV[at]) end
  at = at + 5
end
redis.call('HSET', sequence, 'last', string.format('%.0f', last))
return 1`);

/** Reads a page: the first and the last number, and names, numbers, texts, details and notes of the rows after a cursor. */
const readRows = redisScript(`
local first, last, since = unpack(redis.call('HMGET', KEYS[4], 'first', 'last', 'since'))
if not first then return { '', '', '', {}, {}, {}, {} } end
local cursor = tonumber(ARGV[1])
if cursor < tonumber(first) or cursor > tonumber(last) then cursor = 0 end
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', cursor), '+inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[2])
local texts, details, notes = {}, {}, {}
local isPlain = ARGV[3] == 'plain'
for at = 1, #found, 2 do
  texts[#texts + 1] = redis.call('HGET', KEYS[1], found[at]) or ''
  details[#texts] = not isPlain and redis.call('HGET', KEYS[5], found[at]) or ''
  notes[#texts] = not isPlain and redis.call('HGET', KEYS[6], found[at]) or ''
end
return { first, last, since or '', found, texts, details, notes }`);

/** Declares a new store complete: every cursor from before is unknown. Changes nothing if it was declared already. */
const declare = redisScript(`
if redis.call('HEXISTS', KEYS[4], 'first') == 1 then return 0 end
local last = math.max(tonumber(redis.call('HGET', KEYS[4], 'last') or '0'), tonumber(ARGV[1]))
local text = string.format('%.0f', last)
redis.call('HSET', KEYS[4], 'first', text, 'last', text, 'since', ARGV[2])
return 1`);

/** Removes rows past their `keepUntil`. */
const removeRows = redisScript(`
local names = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, 1000)
for _, name in ipairs(names) do
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
  redis.call('HDEL', KEYS[5], name)
  redis.call('HDEL', KEYS[6], name)
end
return #names`);

const time = z.number().refine(isUnixSeconds).transform(unixSeconds);
const rowSchema = z.tuple([
  z.enum(revocationKinds),
  z.string(),
  z.enum(revocationCauses),
  time,
  time,
  z.enum(revocationMakers),
  time,
]);
/** What a row has in addition to the members of its text: the last grant, or 0, and the subject, or nothing. */
const detailsSchema = z.tuple([time, z.string()]);
const texts = z.array(z.string());
const pageSchema = z.tuple([z.string(), z.string(), z.string(), texts, texts, texts, texts]);

/** The log in Redis. */
export interface RedisRevocationLog extends RevocationLog {
  /** As `since`, with whole rows. Undefined if the store is new: nothing was declared complete. */
  readonly read: (cursor: number, detail?: RevocationDetail) => Promise<RevocationPageOfRows | undefined>;
  /** Adds rows of a durable log. */
  readonly restore: (rows: readonly KeptRevocation[]) => Promise<void>;
  /** Declares the store complete. `since`: grants from before are refused, because nobody knows which were revoked. */
  readonly declareWhole: (since: UnixSeconds | undefined) => Promise<void>;
  /** Whether the store was declared complete, and has lost nothing since. */
  readonly isWhole: () => Promise<boolean>;
  readonly removeEnded: () => Promise<void>;
}

interface RevocationPageOfRows extends Omit<RevocationDelta, "entries"> {
  readonly rows: readonly KeptRevocation[];
}

/** The channel with a message for each change, so that every process reads it at once. */
export function changesOf(prefix: string): string {
  return `${prefix}revoked`;
}

/**
 * The revocation log: a hash of rows, one each of their details and notes, and their order. One row per name, as its rules need it, and numbers that a reader
 * follows by cursor. A message says that there is something new. All keys have one hash tag, so they are on one node of
 * a cluster.
 */
export function redisRevocationLog(
  { redis, prefix }: RedisPart,
  clock: MillisecondClock,
  { pageSize, fullAt }: RevocationBounds = usualBounds,
): RedisRevocationLog {
  const keyOf = (name: string) => `${prefix}{log}:${name}`;
  const sequence = keyOf("sequence");
  const keys = [keyOf("rows"), keyOf("order"), keyOf("ends"), sequence, keyOf("details"), keyOf("notes")] as const;
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const number = () => String(clock() * numbersPerMillisecond);

  const hashed = async (key: string, names: readonly string[]) =>
    z.array(z.string().nullable()).parse(await redis.command(key, "HMGET", key, ...names));

  /** Reads rows by name, decides, and writes unless one of them has changed in the meantime; then again. */
  const change = async <Value>(
    names: readonly string[],
    decide: (found: ReadonlyMap<string, KeptRevocation>) => Promise<{
      readonly writes: readonly KeptRevocation[];
      readonly value: Value;
    }>,
  ): Promise<Value> => {
    const unique = [...new Set(names)];
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const [texts, details, notes] = await Promise.all([
        hashed(keys[0], unique),
        hashed(keys[4], unique),
        hashed(keys[5], unique),
      ]);
      const before = unique.map((name, at) => [name, texts[at] ?? ""] as const);
      const found = new Map(
        before.flatMap(([name, text], at) =>
          text === "" ? [] : [[name, rowOf(text, details[at] ?? "", notes[at] ?? "")] as const],
        ),
      );
      const { writes, value } = await decide(found);
      if (writes.length === 0) return value;
      const written = writes.flatMap((row) => [
        ...[entryName(row), textOf(row), String(row.keepUntil), detailsOf(row), writeNote(row.note)],
      ]);
      const words = [number(), String(before.length), ...before.flat(), ...written];
      if ((await redis.run(writeRows, keys, words)) === 1) {
        // The readers follow by cursor in any case: a lost message only delays them.
        void redis.command(changesOf(prefix), "PUBLISH", changesOf(prefix), "").catch(() => undefined);
        return value;
      }
    }
    throw new Error("the rows of the revocation log changed at every attempt to write them");
  };

  const read: RedisRevocationLog["read"] = async (cursor, detail = "plain") => {
    const asOf = clock();
    const reply = await redis.run(readRows, keys, [String(cursor), String(pageSize + 1), detail]);
    const [first, last, since, found, texts, details, notes] = pageSchema.parse(reply);
    if (first === "") return undefined;
    const reset = cursor < Number(first) || cursor > Number(last);
    const more = texts.length > pageSize;
    const all = texts
      .slice(0, pageSize)
      .flatMap((text, at) => (text === "" ? [] : [rowOf(text, details[at] ?? "", notes[at] ?? "")]));
    const rows = detail === "operators" ? all.filter(({ by, until }) => by === "operator" && until > now()) : all;
    const end = more ? Number(found[pageSize * 2 - 1]) : Number(last);
    return {
      cursor: end,
      asOf,
      reset,
      more,
      // A new snapshot has no entries that were lifted.
      rows: reset ? rows.filter((row) => isOfBeginning(row, detail, now())) : rows,
      ...(since === "" ? {} : { notBefore: unixSeconds(Number(since)) }),
    };
  };

  const append = async (entries: readonly Revocation[], by: RevocationMaker): Promise<number> => {
    const names = entries.map(entryName);
    // Only viewers' entries are skipped, so only they need the number of rows.
    const count = by === "viewer" ? z.int().parse(await redis.command(keys[0], "HLEN", keys[0])) : 0;
    const notes = leftOutNotes.map((value) => entryName({ kind: "subject", value }));
    return change([...names, ...notes], async (found) => {
      const { writes, skipped } = planAppend(entries, by, {
        find: (kind, value) => found.get(entryName({ kind, value })),
        isFull: (added) => count + added >= fullAt,
        now: now(),
      });
      return { writes, value: skipped };
    });
  };

  const changeOne = <Value>(
    kind: RevocationKind,
    value: string,
    decide: (row: KeptRevocation | undefined) => { readonly row: KeptRevocation | undefined; readonly value: Value },
  ) => {
    const name = entryName({ kind, value });
    return change([name], async (found) => {
      const decided = decide(found.get(name));
      return { writes: decided.row === undefined ? [] : [decided.row], value: decided.value };
    });
  };

  return {
    append,
    shorten: (kind, value, until) =>
      changeOne(kind, value, (row) => ({ row: shortened(row, until, now()), value: undefined })),
    lift: (kind, value) =>
      changeOne(kind, value, (found) => {
        const row = takeBack(found, now());
        return { row, value: row !== undefined };
      }),
    read,
    since: async (cursor, detail) => {
      const page = await read(cursor, detail);
      if (page === undefined) throw new Error("Redis is new, and the revocations are not restored yet");
      const { rows, ...delta } = page;
      return { ...delta, entries: rows.map((row) => entryOfRow(row, detail)) };
    },
    restore: async (rows) => {
      for (const by of revocationMakers)
        for (const some of inGroups(
          rows.filter((row) => row.by === by),
          mostRows,
        ))
          await append(some, by);
    },
    declareWhole: async (since) =>
      void (await redis.run(declare, keys, [number(), since === undefined ? "" : String(since)])),
    isWhole: async () => (await redis.command(sequence, "HEXISTS", sequence, "first")) === 1,
    removeEnded: async () => {
      while ((await redis.run(removeRows, keys, [String(now())])) === 1000);
    },
  };
}

function textOf({ kind, value, cause, at, until, by, keepUntil }: KeptRevocation): string {
  return JSON.stringify([kind, value, cause, at, until, by, keepUntil]);
}

/** The details of a row; empty if it has none. They have a hash of their own, because older releases read the texts too. */
function detailsOf({ lastGrant, subject }: KeptRevocation): string {
  return lastGrant === undefined && subject === undefined ? "" : JSON.stringify([lastGrant ?? 0, subject ?? ""]);
}

function rowOf(text: string, details: string, noteText: string): KeptRevocation {
  const [kind, value, cause, at, until, by, keepUntil] = rowSchema.parse(JSON.parse(text));
  const note = readNote(noteText);
  const row = { kind, value, cause, at, until, by, keepUntil, ...(note !== undefined && { note }) };
  if (details === "") return row;
  const [lastGrant, subject] = detailsSchema.parse(JSON.parse(details));
  return { ...row, ...(lastGrant > 0 && { lastGrant }), ...(subject !== "" && { subject }) };
}
