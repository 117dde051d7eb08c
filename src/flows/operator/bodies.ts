import * as z from "zod";
import { isCountry } from "../../base/country.ts";
import { parseIpAddress } from "../../base/ip-address.ts";

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
