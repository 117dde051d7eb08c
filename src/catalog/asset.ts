import * as z from "zod";
import { type MediaPlace, mediaPlaceOf, type OriginFile, sentQuery } from "../base/alias.ts";
import { pathFault } from "../base/canonical-path.ts";
import { maxSessionTtl } from "../base/constants.ts";
import { isHostPattern, isOriginPattern, isSafeAddress } from "../base/origins.ts";
import { seconds } from "../base/time.ts";
import { isApplicationScheme } from "../base/uri-scheme.ts";
import { assetOriginSchema } from "./asset-origin.ts";
import { enforcementSchema, timeSchema } from "./enforcement.ts";
import { fileGlobsSchema } from "./file-globs.ts";
import { countryList, placesSchema } from "./places.ts";
import { playersSchema } from "./players.ts";

const countriesSchema = z
  .strictObject({
    only: countryList.optional().describe("It plays only in these countries."),
    except: countryList.optional().describe("It plays everywhere except in these countries."),
  })
  .refine(({ only, except }) => (only === undefined) !== (except === undefined), {
    message: "Give one of only and except.",
    params: { fault: "countries_unclear" },
  })
  .describe(
    "Where it may be started, and where its playlists are served, as ISO 3166-1 alpha-2: 403 country_forbidden elsewhere, and if " +
      "the country is unknown (for example Tor).",
  );

const originsSchema = z
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
    "The sites that may start it and load its playlists, by Origin, else by Referer: 403 origin_forbidden elsewhere, and without " +
      "both unless `originless` allows that. Apps with a web view send https://localhost, capacitor://localhost and the like. " +
      "Other programs can send any: this keeps other web pages from playing it, not other programs.",
  );

const availableSchema = z
  .strictObject({
    from: timeSchema.optional().describe("When it becomes available, RFC 3339 with an offset."),
    until: timeSchema
      .optional()
      .describe(
        "When its availability ends, RFC 3339 with an offset. Sessions that were started or renewed with this setting end then too.",
      ),
  })
  .refine(({ from, until }) => from !== undefined || until !== undefined, "Give from, until or both.")
  .refine(({ from, until }) => from === undefined || until === undefined || from < until, {
    message: "Set from before until: this window is empty.",
    params: { fault: "window_empty" },
  })
  .describe("When it may be played: 403 asset_not_yet_available before, 403 asset_no_longer_available after.");

export const assetIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "Give an id of 1 to 64 characters of a-z 0-9 . _ - that begins with a-z 0-9.")
  .describe("The asset's id: the first segment of all its paths on the media host.");

/** The default scope of a bearer token that starts streams. */
export const playScope = "stream:play";

const cloudFrontSchema = z
  .strictObject({
    url: z
      .string()
      .refine(isBaseUrl, "Give only the distribution's scheme and host, such as https://d1.cloudfront.net.")
      .optional()
      .describe("The distribution's scheme and host; defaults to the media host."),
    policy: z
      .enum(["canned", "custom"])
      .default("canned")
      .describe(
        "canned: one signature per segment. custom: one signature with a wildcard per rendition that has its own directory.",
      ),
    hash: z
      .enum(["SHA1", "SHA256"])
      .default("SHA1")
      .describe("The signature's hash. SHA1 is CloudFront's own default."),
    keyPairId: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, "Give the kid of a cloudfront key in the key ring.")
      .optional()
      .describe(
        "The kid of the signing key in the key ring, which is CloudFront's Key-Pair-Id. Defaults to the ring's active key, so " +
          "that a rotation needs no change here.",
      ),
  })
  .describe("How CloudFront URLs are signed. Required if cdn is cloudfront-signed, and allowed only then.");

export const assetSchema = z
  .strictObject({
    id: assetIdSchema,
    title: z.string().min(1).max(200).optional().describe("A name for people."),
    origin: assetOriginSchema,
    entry: z
      .string()
      .superRefine((entry, context) => {
        const message = entryFault(entry);
        if (message !== undefined)
          context.addIssue({ code: "custom", message, params: { fault: "path_not_canonical" } });
      })
      .describe(
        "The playlist that players begin with, relative to the origin's prefix, such as index.m3u8. It may have a query, such " +
          "as index.m3u8?DVR, which is sent to the origin and readable by EXT-X-DEFINE:QUERYPARAM.",
      ),
    files: fileGlobsSchema,
    cdn: z
      .enum(["edge", "cloudfront", "cloudfront-signed"])
      .default("edge")
      .describe(
        "What serves the segments: the edge worker, a CloudFront distribution whose function checks the same URLs " +
          "(`cloudfront`), or one with CloudFront's own signed URLs (`cloudfront-signed`).",
      ),
    cdnUrl: z
      .string()
      .refine(isBaseUrl, "Give only the distribution's scheme and host, such as https://d1.cloudfront.net.")
      .optional()
      .describe("The distribution's scheme and host. Required if cdn is cloudfront, and allowed only then."),
    cloudfront: cloudFrontSchema.optional(),
    session: z
      .int()
      .min(60)
      .max(maxSessionTtl)
      .transform(seconds)
      .optional()
      .describe(
        "How long a playback session lasts, in seconds (a minute to a week); defaults to STAGEDOOR_SESSION_TTL. The decisions " +
          "of the entitlement service at its start apply for that long: the edge does not ask it.",
      ),
    cacheLifetime: z
      .int()
      .min(0)
      .max(31_536_000)
      .optional()
      .describe(
        "How long a data centre's cache keeps the asset's files, in seconds, whatever the origin's Cache-Control says; 0: " +
          "not at all. Without it the origin's Cache-Control, Expires and Age decide, for an hour at most; an hour if it " +
          "says nothing, a minute for files without an ETag. Files whose length the origin does not say are kept for a " +
          "minute at most, and those with `Vary: *` not at all.",
      ),
    allowedHosts: z
      .array(
        z
          .string()
          .refine(
            isHostPattern,
            "Give a host in lower case, with a port where it is not 443: ads.example:8443, or *.ads.example for all below it.",
          ),
      )
      .max(100)
      .default([])
      .describe(
        "Foreign hosts that the asset's playlists may link to: ads.example, or *.ads.example for every host below it. Their " +
          "URLs stay unsigned.",
      ),
    allowedSchemes: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9+.-]*$/, "Give a scheme without its colon: myapp.")
          .refine(
            (scheme) => isApplicationScheme(scheme.toLowerCase()),
            "Give an application's own scheme. HTTP is allowed by host, and schemes that run scripts, read files or load from any host are never allowed.",
          ),
      )
      .max(100)
      .default([])
      .describe(
        "Application schemes that the asset's playlists may use in any tag: myapp. Keys and asset lists may use any of " +
          "them without this setting. Their URIs stay unsigned.",
      ),
    scope: z
      .string()
      .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, "Give one scope, without spaces or quotation marks.")
      .default(playScope)
      .describe("The scope that a bearer token needs (RFC 6749 §3.3)."),
    streams: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        "How many streams a viewer may run at once when they start this one, unless their token sets a limit; " +
          "defaults to STAGEDOOR_STREAM_LIMIT.",
      ),
    binding: z
      .strictObject({
        network: z
          .enum(["prefix", "exact"])
          .optional()
          .describe(
            "prefix: the viewer's /24 (IPv4) or /48 (IPv6). exact: their address, which can change during playback.",
          ),
        userAgent: z.boolean().default(false).describe("Whether a session is bound to the User-Agent that started it."),
      })
      .refine(
        ({ network, userAgent }) => network !== undefined || userAgent,
        "Bind to a network, a user agent or both.",
      )
      .optional()
      .describe(
        "What a session is bound to in addition to its signatures; any other client gets 403 binding_mismatch. Unbound by default.",
      ),
    countries: countriesSchema.optional(),
    places: placesSchema.optional(),
    origins: originsSchema.optional(),
    originless: z
      .literal("allow")
      .optional()
      .describe(
        "Lets requests without Origin and Referer pass `origins`: native apps, AirPlay receivers, players outside a browser.",
      ),
    players: playersSchema.optional(),
    available: availableSchema.optional(),
    enforcement: enforcementSchema.optional(),
    segmentSignature: z
      .enum(["shared", "session"])
      .default("shared")
      .describe(
        "shared: a segment's URL is the same for all viewers, and useless without a grant. " +
          "session: it is also bound to the viewer's grant, and playlists are rewritten per viewer.",
      ),
  })
  .describe("A playable asset: a multivariant or media playlist with everything that it links to.");

export type Asset = z.output<typeof assetSchema>;
export type CloudFrontSettings = NonNullable<Asset["cloudfront"]>;

/** The whole document: a file next to `npm start`, the key `catalog` in KV when deployed. */
export const catalogDocumentSchema = z
  .strictObject({
    version: z.literal(1).describe("The version of this format."),
    assets: z.array(assetSchema).describe("All playable assets."),
  })
  .describe("The catalog.");

/** An asset's `entry` as the request to its origin. */
export function entryFile({ entry }: Pick<Asset, "entry">): OriginFile {
  const mark = entry.indexOf("?");
  return mark < 0 ? { path: entry, query: "" } : { path: entry.slice(0, mark), query: entry.slice(mark + 1) };
}

/** The location of an asset's entry on the media host; an alias if its query is not canonical. */
export function entryPlace(asset: Pick<Asset, "entry">): MediaPlace {
  const place = mediaPlaceOf(entryFile(asset));
  if (!place.ok) throw new TypeError("an asset whose entry was not checked");
  return place.value;
}

/**
 * How to fix an entry, or undefined if it is valid. Its query may contain a secret of the origin, so it is not quoted.
 */
function entryFault(entry: string): string | undefined {
  const { path, query } = entryFile({ entry });
  const pathWhy = path === "" || path.endsWith("/") ? "it names no file" : pathFault(`/${path}`);
  if (pathWhy !== undefined)
    return `Give the path of a file below the origin's prefix, in its canonical form: ${pathWhy}.`;
  if (query === "" && entry.includes("?")) return "Remove the question mark: the entry's query is empty.";
  if (entry.includes("#")) return "Remove the fragment (from # on): it is never sent to an origin.";
  if (sentQuery(query) !== query)
    return "Percent-encode the entry's query: it contains a character that is not allowed in a URL, such as a space.";
  const place = mediaPlaceOf({ path, query });
  return place.ok ? undefined : `Percent-encode the slashes in the entry's query: ${place.refusal.reason}.`;
}

/** A scheme and a host only, in the browser's spelling: CloudFront compares what is signed with the URL as text. */
function isBaseUrl(text: string): boolean {
  return isSafeAddress(text) && !text.includes("*") && text === new URL(text).origin;
}

/** The hosts and schemes of other services that an asset's playlists and thumbnail tracks may name, to compare with. */
export function foreignRulesOf({ allowedHosts, allowedSchemes }: Pick<Asset, "allowedHosts" | "allowedSchemes">) {
  return {
    allowedHosts: new Set(allowedHosts),
    allowedSchemes: new Set(allowedSchemes.map((scheme) => scheme.toLowerCase())),
  };
}
