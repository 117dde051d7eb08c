import * as z from "zod";
import { readJson } from "../../base/body-text.ts";
import { isCountry } from "../../base/country.ts";
import { parseIpAddress } from "../../base/ip-address.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";

/** The longest text that is explained: a token of the greatest length, or a URL of that, with room around it. */
const longestText = 16_384;
/** How many bytes of these bodies are read: every character of a text may be one of JSON's escapes. */
export const longestQuestion = 6 * longestText;

/** So a CDN calls clients of whom nobody knows where they are, and those of Tor. */
const unknownCountries: ReadonlySet<string> = new Set(["XX", "T1"]);

const tooLong = `Give ${longestText.toLocaleString("en")} characters at most.`;

const address = z
  .string()
  .refine((text) => parseIpAddress(text) !== undefined, "Give an IPv4 or IPv6 address.")
  .optional()
  .describe("The viewer's IP address.");

export const explainBodySchema = z.strictObject({
  text: z
    .string()
    .min(1, "Give a text.")
    .max(longestText, tooLong)
    .describe("A whole URL, a path with its query, a grant, or a bearer token. It is not repeated in the answer."),
  address,
});

export const simulateBodySchema = z.strictObject({
  credential: z
    .string()
    .min(1, "Give a token.")
    .max(longestText, tooLong)
    .describe("The viewer's bearer token. It is not repeated in the answer."),
  asset: z
    .string()
    .min(1, "Name an asset.")
    .max(64, "No asset has an id of more than 64 characters.")
    .describe("The asset that is asked for."),
  takeover: z.boolean().default(false).describe("Whether the viewer's oldest stream would be ended for it."),
  address,
  country: z
    .string()
    .refine((text) => isCountry(text) || unknownCountries.has(text), "Give a code of ISO 3166-1 alpha-2 in upper case.")
    .optional()
    .describe("Where the viewer is, as the CDN would say it; XX and T1 stand for not known."),
  origin: z
    .string()
    .min(1)
    .max(512, "No origin is that long.")
    .optional()
    .describe("The page's origin, as a browser would send it."),
});

/** A body's members by the route's schema; `body_invalid` if it is not JSON or does not match the schema. */
export function readBody<Schema extends z.ZodType>(schema: Schema, text: string): Result<z.output<Schema>, Refusal> {
  const document = readJson(text);
  if (!document.ok) return document;
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return ok(parsed.data);
  const places = parsed.error.issues.map(({ path }) => path.join(".")).filter((place) => /^\w{1,32}$/.test(place));
  return refusal("body_invalid", `the body is not of the route's form: ${places.join(", ") || "a member is wrong"}`);
}
