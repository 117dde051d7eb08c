import * as z from "zod";
import { isCountry } from "../base/country.ts";
import { isAsn, isRegion, type Place, postalForm } from "../base/place.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";

const mostListed = 250;
const mostRules = 50;

export const countryList = z
  .array(
    z.string().refine(isCountry, {
      message: "Give codes of ISO 3166-1 alpha-2 in upper case, such as DE and GB.",
      params: { fault: "country_unknown" },
    }),
  )
  .min(1)
  .max(mostListed);

const regionList = z
  .array(
    z
      .string()
      .refine(
        isRegion,
        "Give codes of ISO 3166-2 in upper case, with their country: US-CA for California, DE-BE for Berlin.",
      ),
  )
  .min(1)
  .max(mostListed);

const postalList = z
  .array(
    z.string().transform((text, context) => {
      const code = postalForm(text);
      if (code !== undefined) return code;
      const message = "Give the beginning of a postal code, 1 to 10 letters and digits: 902, or SW1A.";
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    }),
  )
  .min(1)
  .max(mostListed);

const asnList = z
  .array(z.int().refine(isAsn, "Give the number of a network, without AS: 64500."))
  .min(1)
  .max(mostListed);

/** A set of places, by one or more of their members. */
const placeRuleSchema = z
  .strictObject({
    countries: countryList.optional().describe("ISO 3166-1 alpha-2: DE."),
    regions: regionList.optional().describe("ISO 3166-2, which has the country: US-CA."),
    postal: postalList
      .optional()
      .describe(
        "Beginnings of postal codes, of the rule's countries or regions; spaces, hyphens and case do not count.",
      ),
    asns: asnList.optional().describe("The numbers of networks (autonomous systems): 64500."),
  })
  .refine((rule) => Object.values(rule).some((list) => list !== undefined), {
    message: "Give at least one of countries, regions, postal and asns.",
  })
  .refine(({ postal, countries, regions }) => postal === undefined || (countries ?? regions) !== undefined, {
    message: "Give countries or regions with postal: a postal code means another place in each country.",
    path: ["postal"],
  });

export type PlaceRule = z.output<typeof placeRuleSchema>;

const ruleList = z.array(placeRuleSchema).min(1).max(mostRules);

export const placesSchema = z
  .strictObject({
    only: ruleList.optional().describe("It plays only where one of these rules applies."),
    except: ruleList.optional().describe("It plays everywhere except where one of these rules applies."),
    anonymous: z
      .literal("refuse")
      .optional()
      .describe(
        "Refuses networks that hide where their users are, as far as the platform reports them: Cloudflare reports Tor, and no " +
          "VPNs or hosting networks; list those under `except` by `asns`.",
      ),
  })
  .refine(({ only, except }) => only === undefined || except === undefined, "Give one of only and except, not both.")
  .refine((places) => Object.values(places).some((part) => part !== undefined), {
    message: "Give only, except or anonymous.",
  })
  .describe(
    "Where it may be started, and where its playlists are served: 403 place_forbidden elsewhere. A rule applies if each of its " +
      "members does. What is not known of a place is refused wherever a rule asks for it.",
  );

export type Places = z.output<typeof placesSchema>;

/** The members of a place that rules read. */
type PlaceMember = "country" | "region" | "postal" | "asn";

/** Whether a place is inside the set of a rule. `unknown`: that depends on a member that nobody told. */
type Position = "inside" | "outside" | "unknown";

/** Where a place is, compared with a rule: outside if one member is, and inside only if all are. */
export function positionIn({ countries, regions, postal, asns }: PlaceRule, place: Place): Position {
  let position: Position = "inside";
  if (countries !== undefined) position = both(position, listed(countries, place.country));
  if (regions !== undefined) position = both(position, regionIn(regions, place));
  if (postal !== undefined) position = both(position, postalIn(postal, place.postal));
  return asns === undefined ? position : both(position, listed(asns, place.asn));
}

function both(one: Position, other: Position): Position {
  if (one === "outside" || other === "outside") return "outside";
  return one === "unknown" ? one : other;
}

function listed<Value>(list: readonly Value[], value: Value | undefined): Position {
  if (value === undefined) return "unknown";
  return list.includes(value) ? "inside" : "outside";
}

/** A country tells already that a place is in none of the regions of another country. */
function regionIn(regions: readonly string[], { country, region }: Place): Position {
  if (region !== undefined) return listed(regions, region);
  if (country === undefined) return "unknown";
  return regions.some((one) => one.startsWith(`${country}-`)) ? "unknown" : "outside";
}

/** A platform that knows only the beginning of a postal code may not tell whether a longer one is meant. */
function postalIn(prefixes: readonly string[], postal: string | undefined): Position {
  if (postal === undefined) return "unknown";
  if (prefixes.some((prefix) => postal.startsWith(prefix))) return "inside";
  return prefixes.some((prefix) => prefix.startsWith(postal)) ? "unknown" : "outside";
}

/**
 * Whether an asset plays in a place. A place of which a rule's members are unknown is refused, under `only` and `except`
 * alike, unless a known member already decides. The reason names countries and regions only.
 */
export function checkPlaces(
  { only, except, anonymous }: Places,
  place: Place,
): Result<undefined, Refusal<"place_forbidden">> {
  const rules = only ?? except ?? [];
  const positions = rules.map((rule) => positionIn(rule, place));
  const inside = positions.includes("inside");
  const where = place.region ?? place.country ?? "an unknown country";
  if (except !== undefined && inside) return forbidden(`a rule of places.except applies in ${where}`);
  if (!inside && positions.includes("unknown")) {
    const unknown = new Set(rules.flatMap((rule) => membersToKnow(rule, place)));
    return forbidden("the asset asks for more of the client's place than is known", [...unknown]);
  }
  if (!inside && only !== undefined) return forbidden(`no rule of places.only applies in ${where}`);
  if (anonymous === undefined || place.anonymous === false) return ok(undefined);
  return place.anonymous
    ? forbidden("the client's network hides where it is, and the asset refuses such networks")
    : forbidden("the asset refuses anonymous networks, and nobody told whether the client's is one", ["anonymous"]);
}

/** The members on which it depends whether a rule applies. */
export function membersToKnow(rule: PlaceRule, place: Place): readonly PlaceMember[] {
  if (positionIn(rule, place) !== "unknown") return [];
  const { countries, regions, postal, asns } = rule;
  const parts: readonly (readonly [PlaceMember, PlaceRule])[] = [
    ["country", { countries }],
    ["region", { regions }],
    ["postal", { postal }],
    ["asn", { asns }],
  ];
  return parts.filter(([, part]) => positionIn(part, place) === "unknown").map(([member]) => member);
}

function forbidden(why: string, unknown: readonly string[] = []) {
  const reason = unknown.length === 0 ? why : `${why}: ${unknown.join(", ")}`;
  return refuse({ code: "place_forbidden", reason, unknown } as const);
}
