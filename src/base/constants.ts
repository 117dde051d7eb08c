import { seconds } from "./time.ts";

/** What a URL of the media host may be used for. Each purpose has its own key and its own query parameter. */
export type MediaPurpose = "playlist" | "segment" | "key";

export const mediaPurposes = ["playlist", "segment", "key"] as const satisfies readonly MediaPurpose[];

/**
 * Parameters that are reserved for downloads and DASH templates. A URL that ends in one is refused, so a later release
 * can use them without a new format.
 */
export const reservedParameters = ["file", "tpl"] as const;

/** The query parameter of the expiry and signature, named after the purpose. */
export const parameterOf = { playlist: "list", segment: "seg", key: "key" } as const satisfies Record<
  MediaPurpose,
  string
>;

/** This release; a test compares it with package.json. */
export const version = "0.1.0";

/** The longest playback session that the settings and the catalog accept: a week. */
export const maxSessionTtl = seconds(604_800);

/**
 * An init segment of a live stream has one URL per day, since players fetch it again when its URL changes. That day may
 * end after the session.
 */
export const initSegmentPeriod = seconds(86_400);

/** How long a silent session counts as running, where STAGEDOOR_LEASE_TTL is not set. */
export const defaultLeaseTtl = seconds(90);

/** The longest bearer token that is read, in characters. */
export const maxTokenLength = 8192;

/** The identity worker answers below this path of the API's origin, whatever the API's base path is. */
export const identityPath = "/api/auth";
