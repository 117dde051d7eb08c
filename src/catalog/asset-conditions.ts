import * as z from "zod";
import { isCountry } from "../base/country.ts";
import { isOriginPattern } from "../base/origin-pattern.ts";
import { readRfc3339 } from "../base/rfc3339.ts";

const countryList = z
  .array(
    z.string().refine(isCountry, {
      message: "Give codes of ISO 3166-1 alpha-2 in upper case, such as DE and GB.",
      params: { fault: "country_unknown" },
    }),
  )
  .min(1)
  .max(250);

export const countriesSchema = z
  .strictObject({
    only: countryList.optional().describe("It plays in these countries alone."),
    except: countryList.optional().describe("It plays everywhere but in these."),
  })
  .refine(({ only, except }) => (only === undefined) !== (except === undefined), {
    message: "Give one of only and except.",
    params: { fault: "countries_unclear" },
  })
  .describe(
    "Where it may be started and renewed, as ISO 3166-1 alpha-2: 403 country_forbidden elsewhere, and where nobody knows " +
      "the country (Tor among it).",
  );

export const originsSchema = z
  .array(
    z.string().refine(isOriginPattern, {
      message:
        "Give origins as a browser writes them: https://www.example.com, https://*.example.com for all below it, or capacitor://localhost.",
      params: { fault: "origin_invalid" },
    }),
  )
  .min(1)
  .max(100)
  .describe(
    "The sites that may start and renew it: 403 origin_forbidden elsewhere, and where no Origin comes. Native apps send none; " +
      "apps with a web view send https://localhost, capacitor://localhost and the like. A program can send any: this keeps " +
      "pages of others from playing it, not thieves.",
  );

const timeSchema = z.string().transform((text, context) => {
  const time = readRfc3339(text);
  if (time !== undefined) return time;
  const message = "Give a time of RFC 3339 with its offset: 2026-12-01T20:00:00+01:00, or with Z for UTC.";
  context.addIssue({ code: "custom", message, params: { fault: "time_invalid" } });
  return z.NEVER;
});

export const availableSchema = z
  .strictObject({
    from: timeSchema.optional().describe("From when on it may be started, RFC 3339 with an offset."),
    until: timeSchema
      .optional()
      .describe(
        "When it ends, RFC 3339 with an offset: no session that is started or renewed under it goes on after it.",
      ),
  })
  .refine(({ from, until }) => from !== undefined || until !== undefined, "Give from, until or both.")
  .refine(({ from, until }) => from === undefined || until === undefined || from < until, {
    message: "Let from come before until: this window never opens.",
    params: { fault: "window_empty" },
  })
  .describe("When it may be played: 403 asset_not_yet_available before, 403 asset_no_longer_available after.");
