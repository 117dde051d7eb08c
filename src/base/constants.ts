import { seconds } from "./time.ts";

/** This release; a test compares it with package.json. */
export const version = "0.1.0";

/** The longest playback session that the settings and the catalog accept: a week. */
export const maxSessionTtl = seconds(604_800);

/**
 * The longest life of a grant of `POST /files`. It has no row in a store, so a sign-out's entry in the revocation log
 * lasts at least as long.
 */
export const filesTtl = seconds(3600);

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
