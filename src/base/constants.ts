import { seconds } from "./time.ts";

/** What a URL of the media host may be used for. Each purpose has its own key and its own query parameter. */
export type MediaPurpose = "playlist" | "segment" | "key";

export const mediaPurposes = ["playlist", "segment", "key"] as const satisfies readonly MediaPurpose[];

/** The longest playback session that the settings and the catalog accept: a week. */
export const maxSessionTtl = seconds(604_800);

/** How long a silent session counts as running, where STAGEDOOR_LEASE_TTL is not set. */
export const defaultLeaseTtl = seconds(90);

/** The longest bearer token that is read, in characters. */
export const maxTokenLength = 8192;

/** The identity worker answers below this path of the API's origin, whatever the API's base path is. */
export const identityPath = "/api/auth";
