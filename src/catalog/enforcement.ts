import * as z from "zod";
import type { RefusalCode } from "../base/result.ts";
import { readRfc3339, type UnixSeconds } from "../base/time.ts";

/** How strictly the media host applies an asset's protection. */
export const enforcementModes = ["enforce", "observe", "off"] as const;
export type EnforcementMode = (typeof enforcementModes)[number];

/** The longest time that protection may be off: it is for an emergency. */
const longestOff = 86_400;

/** A time in a document: RFC 3339 with an offset. */
export const timeSchema = z.string().transform((text, context) => {
  const time = readRfc3339(text);
  if (time !== undefined) return time;
  const message = "Give a time of RFC 3339 with its offset: 2026-12-01T20:00:00+01:00, or with Z for UTC.";
  context.addIssue({ code: "custom", message, params: { fault: "time_invalid" } });
  return z.NEVER;
});

/**
 * An unknown mode enforces, because a catalog may be of a later version: a typing error must not open an asset. Changes by
 * commands and routes refuse it: {@link isKnownMode}.
 */
export const enforcementSchema = z
  .strictObject({
    mode: z
      .enum(enforcementModes)
      .catch("enforce")
      .describe(
        "enforce: requests without a valid grant and signature are refused. observe: they are served from the origin, and logged " +
          "and counted. off: as observe, also while the stores of sessions do not respond, and a playlist that cannot be " +
          "rewritten is passed on unchanged.",
      ),
    from: timeSchema.optional().describe("When the mode begins, RFC 3339 with an offset. Required for off."),
    until: timeSchema
      .optional()
      .describe(
        "When the asset is enforced again by itself, RFC 3339 with an offset. Required for observe and off; for off at most " +
          "24 hours after from.",
      ),
  })
  .superRefine(({ mode, from, until }, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message, params: { fault: "enforcement_unbounded" } });
    if (mode === "enforce") return;
    if (until === undefined) return fault("until", `Say until when: ${mode} ends by itself.`);
    if (mode !== "off") return;
    if (from === undefined) return fault("from", "Say from when: off lasts for 24 hours at most.");
    if (until - from > longestOff) return fault("until", "Choose a time at most 24 hours after from.");
  })
  .describe(
    "How strictly the edge applies the asset's protection. Without it the setting STAGEDOOR_ENFORCEMENT applies.",
  );

export type Enforcement = z.output<typeof enforcementSchema>;

/** An asset that is not enforced now. */
export interface Unenforced {
  readonly asset: string;
  readonly mode: Exclude<EnforcementMode, "enforce">;
  readonly until: UnixSeconds;
}

/** The assets that are not enforced at `now`, those that are off first. */
export function unenforcedAmong(
  assets: readonly (EnforcedAsset & { readonly id: string })[],
  fallback: Enforcement | undefined,
  now: UnixSeconds,
): readonly Unenforced[] {
  const found = assets.flatMap((asset): Unenforced[] => {
    const { mode, until } = modeOf(asset, fallback, now);
    return mode === "enforce" || until === undefined ? [] : [{ asset: asset.id, mode, until }];
  });
  return [...found.filter(({ mode }) => mode === "off"), ...found.filter(({ mode }) => mode === "observe")];
}

/** How many assets are in each mode. */
export function countModes(assets: readonly Unenforced[]): Readonly<Record<Unenforced["mode"], number>> {
  const count = (mode: Unenforced["mode"]) => assets.filter((one) => one.mode === mode).length;
  return { observe: count("observe"), off: count("off") };
}

/** Whether a mode in a document is one of {@link enforcementModes}. */
export function isKnownMode(mode: unknown): boolean {
  return enforcementModes.some((one) => one === mode);
}

/** The mode of an asset at a time. */
export interface ModeNow {
  readonly mode: EnforcementMode;
  /** When the asset is enforced again; undefined if it is enforced. */
  readonly until: UnixSeconds | undefined;
}

const enforced = { mode: "enforce", from: undefined, until: undefined } as const satisfies ModeNow & Enforcement;

/** What {@link modeOf} reads of an asset. */
interface EnforcedAsset {
  readonly cdn: "edge" | "cloudfront" | "cloudfront-signed";
  readonly enforcement?: Enforcement | undefined;
}

/**
 * The mode of an asset at `now`. `fallback` is for assets that say nothing. CloudFront checks its URLs itself and knows no mode,
 * so its assets are always enforced.
 */
export function modeOf(
  { cdn, enforcement }: EnforcedAsset,
  fallback: Enforcement | undefined,
  now: UnixSeconds,
): ModeNow {
  const { mode, from, until } = enforcement ?? fallback ?? enforced;
  if (cdn !== "edge" || mode === "enforce" || until === undefined || now >= until) return enforced;
  return from !== undefined && now < from ? enforced : { mode, until };
}

/**
 * What `observe` serves: grant or signature missing, expired or invalid, and limits of a session. Everything else is refused
 * in every mode: a path that is not canonical or of another asset, a method, plain HTTP, an unknown asset, what an operator
 * revoked, and 451.
 */
const observable: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "signature_missing",
  "signature_invalid",
  "signature_expired",
  "grant_invalid",
  "grant_expired",
  "key_unknown",
  "binding_mismatch",
  "session_shared",
  "stream_limit",
  "stream_taken",
]);

/** What only `off` serves: faults of this service's own stores, and playlists that it cannot rewrite. */
const servedInOff: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "store_unavailable",
  "playlist_invalid",
  "playlist_too_large",
  "uri_foreign",
]);

/** Whether a request that would be refused with this code is served in a mode. */
export function isServedIn(mode: EnforcementMode, code: RefusalCode): boolean {
  if (mode === "enforce") return false;
  return observable.has(code) || (mode === "off" && servedInOff.has(code));
}

/** The value of STAGEDOOR_ENFORCEMENT: `observe until <RFC 3339>`. Anything else enforces. */
export function readEnforcement(text: string): Enforcement | undefined {
  const [, time] = /^observe until (\S+)$/.exec(text.trim()) ?? [];
  const until = time === undefined ? undefined : readRfc3339(time);
  return until === undefined ? undefined : { mode: "observe", until };
}
