import { randomBytes } from "node:crypto";
import * as z from "zod";
import type { ProofReplay } from "../../auth/credential.ts";
import { quotaStatus, type RateLimits } from "../../auth/rate-limit.ts";
import { unixSeconds } from "../../base/time.ts";
import type { LeaseDocuments } from "../../sessions/lease-document.ts";
import type { CatalogText } from "../node/sqlite-stores.ts";
import { type Redis, redisScript } from "./redis-connection.ts";

/** One deployment's part of a Redis: all its keys begin with the prefix, such as `tv:production:`. */
export interface RedisPart {
  readonly redis: Redis;
  readonly prefix: string;
}

/** Replaces a value whose beginning is the known version, or adds one if none is known. */
const replaceDocument = redisScript(`
local stored = redis.call('GET', KEYS[1])
local known = ARGV[1]
if known == '' then
  if stored then return 0 end
elseif not stored or string.sub(stored, 1, #known + 1) ~= known .. ' ' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3])
return 1`);

/** A value in Redis, `<version> <text>`. A version is 12 random bytes: never used again. */
const documentSchema = z
  .string()
  .regex(/^[\w-]{16} /)
  .transform((stored) => ({ version: stored.slice(0, 16), text: stored.slice(17) }));

/**
 * The documents of leases, one value per subject. `isWhole` says whether the store has not lost what it had: a subject
 * without a document is a new one only then.
 */
export function redisLeases({ redis, prefix }: RedisPart, isWhole: () => Promise<boolean>): LeaseDocuments {
  const keyOf = (name: string) => `${prefix}lease:${name}`;
  return {
    read: async (name) => {
      const key = keyOf(name);
      // Both questions go out together, this one first.
      const [stored, whole] = await Promise.all([redis.command(key, "GET", key), isWhole()]);
      if (stored !== null) return documentSchema.parse(stored);
      if (!whole) throw new Error("Redis is new, and its leases are not restored yet");
      return undefined;
    },
    replace: async (name, known, { text, removeAt }) => {
      const version = randomBytes(12).toString("base64url");
      const words = [known ?? "", `${version} ${text}`, String(removeAt)];
      return (await redis.run(replaceDocument, [keyOf(name)], words)) === 1;
    },
  };
}

/** As `takeFrom` of `auth/rate-limit.ts`, in one step: a test compares the two. */
const takeQuota = redisScript(`
local quota, window, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = redis.call('GET', KEYS[1])
local started, count, fresh = now, 0, true
if stored then
  local s, c = string.match(stored, '^(%d+) (%d+)$')
  if now < tonumber(s) + window then started, count, fresh = tonumber(s), tonumber(c), false end
end
local allowed = count < quota
local moved = started > now
if moved then started = now end
if allowed then count = count + 1 end
if allowed or moved or fresh then
  local text = string.format('%.0f %.0f', started, count)
  redis.call('SET', KEYS[1], text, 'EXAT', string.format('%.0f', math.ceil(started + window)))
end
return { allowed and 1 or 0, started, count }`);

const takenSchema = z.tuple([z.union([z.literal(0), z.literal(1)]), z.int(), z.int()]);

/** Rate limits: one value per policy and name, which expires with its window. */
export function redisLimits({ redis, prefix }: RedisPart): RateLimits {
  return {
    take: async (policy, name, now) => {
      const key = `${prefix}quota:${policy.name}:${name}`;
      const words = [String(policy.quota), String(policy.window), String(now)];
      const [allowed, startedAt, count] = takenSchema.parse(await redis.run(takeQuota, [key], words));
      return quotaStatus({ startedAt: unixSeconds(startedAt), count }, policy, allowed === 1, now);
    },
  };
}

/** DPoP proofs: one SET both checks and stores a proof, so of concurrent copies only one is accepted. */
export function redisProofs({ redis, prefix }: RedisPart): ProofReplay {
  return {
    firstUse: async (jkt, jti, until) => {
      const key = `${prefix}proof:${jkt}:${jti}`;
      return (await redis.command(key, "SET", key, "1", "NX", "EXAT", String(until))) === "OK";
    },
  };
}

const replaceText = redisScript(`
local stored = redis.call('GET', KEYS[1])
if stored ~= (ARGV[2] or false) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1`);

/** The catalog's text. It does not expire. */
export function redisCatalog({ redis, prefix }: RedisPart): CatalogText {
  const key = `${prefix}catalog`;
  return {
    load: async () =>
      z
        .string()
        .nullable()
        .parse(await redis.command(key, "GET", key)) ?? undefined,
    save: async (text) => void (await redis.command(key, "SET", key, text)),
    replace: async (text, base) =>
      (await redis.run(replaceText, [key], base === undefined ? [text] : [text, base])) === 1,
  };
}
