import * as z from "zod";
import { isCountry } from "../base/country.ts";
import { isAsn, isRegion, type Place, postalForm } from "../base/place.ts";
import { type Refusal, refuse } from "../base/result.ts";
import { assetIdSchema } from "../catalog/asset.ts";
import { membersToKnow, type PlaceRule, positionIn } from "../catalog/places.ts";
import { type Revocation, revocationKinds } from "./revocation.ts";

/**
 * A blackout: an asset that must not be played in a place from now on, running sessions included. It is an entry of the
 * revocation log, one for each place. On the wire and in the stores its kind is `subject`, and its value is
 * `blackout:<asset>:<place>`, which no hash or digest of a subject is: an earlier release that reads it goes on, and ignores it.
 * An unknown kind it would refuse together with the whole log, and so every request of every asset.
 */
export interface Blackout {
  readonly asset: string;
  /** See {@link ruleOfPlace}. */
  readonly place: string;
}

/** The kind that operators see. */
const blackoutKind = "blackout";

/** What operators can revoke. */
export const revokedKinds = [...revocationKinds, blackoutKind] as const;
export type RevokedKind = (typeof revokedKinds)[number];

const valuePrefix = `${blackoutKind}:`;

/** The value of a blackout's entry for operators: `film:US-CA`. */
export function blackoutName({ asset, place }: Blackout): string {
  return `${asset}:${place}`;
}

/** The value of a blackout's entry in the log. */
export function blackoutValue(blackout: Blackout): string {
  return blackoutValueOf(blackoutName(blackout));
}

/** The same by the value for operators. */
export function blackoutValueOf(name: string): string {
  return valuePrefix + name;
}

/** The blackout that an entry of the log is; undefined for any other entry. */
export function blackoutOf({ kind, value }: Pick<Revocation, "kind" | "value">): Blackout | undefined {
  if (kind !== "subject" || !value.startsWith(valuePrefix)) return undefined;
  const name = value.slice(valuePrefix.length);
  const colon = name.indexOf(":");
  return colon < 1 ? undefined : { asset: name.slice(0, colon), place: name.slice(colon + 1) };
}

/**
 * The places that a blackout's text means, or undefined: a country (`DE`), a region (`US-CA`), a network (`AS64500`) or the
 * beginning of a country's postal codes (`US/902`).
 */
export function ruleOfPlace(text: string): PlaceRule | undefined {
  if (isCountry(text)) return { countries: [text] };
  if (isRegion(text)) return { regions: [text] };
  const asn = /^AS([1-9]\d{0,9})$/.exec(text)?.[1];
  if (asn !== undefined) return isAsn(Number(asn)) ? { asns: [Number(asn)] } : undefined;
  const [country = "", code = ""] = text.split("/", 2);
  const postal = text.length <= 16 && isCountry(country) ? postalForm(code) : undefined;
  return postal === code && code !== "" && text === `${country}/${code}`
    ? { countries: [country], postal: [code] }
    : undefined;
}

/** Maximum number of places in one request. */
const mostPlaces = 50;

/** The blackout in the body of a revocation. Without places it can only be lifted: in all places. */
export const blackoutBodySchema = z
  .strictObject({
    asset: assetIdSchema,
    places: z
      .array(
        z
          .string()
          .refine(
            (text) => ruleOfPlace(text) !== undefined,
            "Give a country (DE), a region (US-CA), a network (AS64500), or a country and the beginning of its postal codes (US/902).",
          ),
      )
      .min(1)
      .max(mostPlaces)
      .optional()
      .describe(
        "Countries (DE), regions of ISO 3166-2 (US-CA), networks (AS64500), and postal codes (US/902). Required except with lift.",
      ),
  })
  .describe("An asset that must not be played in some places, running sessions included: 451 place_not_allowed there.");

/** The rules of an asset's blackouts, by the text of the place. A text of a later release has none. */
export type BlackoutRules = ReadonlyMap<string, { readonly rule: PlaceRule | undefined }>;

/**
 * The refusal of a request from a place in which the asset is blacked out; undefined elsewhere. A place of which nobody told
 * what a blackout asks for is refused, and so is every place under a text that this release does not know.
 */
export function blackedOut(rules: BlackoutRules, place: Place): Refusal<"place_not_allowed"> | undefined {
  let unknown: readonly string[] | undefined;
  for (const [text, { rule }] of rules) {
    const position = rule === undefined ? "unknown" : positionIn(rule, place);
    if (position === "inside") return notAllowed(`the asset is blacked out in ${text}`);
    if (position === "unknown") unknown ??= rule === undefined ? [] : membersToKnow(rule, place);
  }
  if (unknown === undefined) return undefined;
  return notAllowed("the asset is blacked out in some places, and nobody told enough of the client's", unknown);
}

function notAllowed(why: string, unknown: readonly string[] = []): Refusal<"place_not_allowed"> {
  const reason = unknown.length === 0 ? why : `${why}: ${unknown.join(", ")}`;
  return refuse({ code: "place_not_allowed", reason, unknown } as const).refusal;
}
