/**
 * What the portable verifier reads and what it says. `src/verifier` runs in the njs interpreter of nginx and in
 * CloudFront Functions, so its types name neither the core's classes nor a runtime's.
 */

/** Bytes as a `Buffer` has them, in Node, njs and CloudFront Functions. */
export interface Bytes {
  readonly length: number;
  [at: number]: number;
  subarray(from: number, to: number): Bytes;
  toString(encoding: "base64url" | "hex" | "utf8", from?: number, to?: number): string;
}

/** Port: the cryptography of the runtime. */
export interface Primitives {
  /** Decodes base64url. Other text gives any bytes: the caller compares the bytes' own base64url with the text. */
  readonly decode: (text: string) => Bytes;
  /** HMAC-SHA256, 32 bytes. */
  readonly mac: (key: Bytes, message: Bytes | string) => Bytes;
  /** SHA-256 of a text's UTF-8 bytes, in base64url. */
  readonly sha256: (text: string) => string;
}

/** The session key of a ring and the keys that HKDF derives from it, each 32 bytes in base64url. */
export interface VerifierKey {
  readonly kid: string;
  /** From this second on the key is not accepted. */
  readonly exp?: number | undefined;
  readonly grant: string;
  /** Signs URLs that every session may use. */
  readonly shared: Readonly<Record<"segment" | "key", string>>;
  /** The HMAC of the grant under this key signs URLs of one session. */
  readonly session: Readonly<Record<Purpose, string>>;
}

/** What is fixed for a deployment, as plain JSON: its keys are secret. */
export interface VerifierSettings {
  /** The accepted `iss` of grants. */
  readonly issuer: string;
  readonly keys: readonly VerifierKey[];
  /** Whether the segments' signatures of an asset are shared or bound to a session. Without it, all assets are shared. */
  readonly assets?: { readonly [id: string]: "shared" | "session" } | undefined;
  /** Seconds that a renewed URL lives at least, and the step that its expiry is rounded up to. Without it none is renewed. */
  readonly renewal?: { readonly lifetime: number; readonly step: number } | undefined;
}

/** The client, for grants that are bound to a network or a User-Agent. */
export interface VerifierClient {
  /** In any spelling of IPv4 or IPv6; empty if it is unknown. */
  readonly address: string;
  /** Empty if the request has none. */
  readonly userAgent: string;
}

/** What a URL is for, in the core's words (`base/media-purpose.ts`). */
export type Purpose = "playlist" | "segment" | "key" | "file";

/** A prefix of addresses with `digits` hexadecimal digits: 8 of IPv4, 32 of IPv6. */
export interface VerifiedNetwork {
  readonly digits: number;
  readonly bits: number;
  /** In hexadecimal; zeros may be missing at its end. */
  readonly prefix: string;
}

/** The verified claims of a grant, by which stores know the session. */
export interface VerifiedGrant {
  readonly kid: string;
  readonly issuer: string;
  readonly subject: string;
  readonly sessionId: string;
  readonly prefixes: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly token?: string | undefined;
  readonly login?: string | undefined;
  readonly signer?: string | undefined;
  /** `files`: the grant opens `file` URLs and has no lease. */
  readonly use?: "files" | undefined;
  readonly network?: VerifiedNetwork | undefined;
  /** SHA-256 of the only accepted User-Agent. */
  readonly userAgent?: string | undefined;
}

/** Codes of refusals, those of the core's check without `file_forbidden`. */
export type VerifierRefusal =
  | "path_invalid"
  | "signature_missing"
  | "signature_invalid"
  | "grant_invalid"
  | "key_unknown"
  | "grant_expired"
  | "path_not_covered"
  | "binding_mismatch"
  | "asset_unknown"
  | "uri_foreign";

/** An authentic request: the session, the file of its origin, and how long it may be served. */
interface Verified {
  /** `expired`: authentic except for its expiry. */
  readonly status: "granted" | "expired";
  readonly grant: VerifiedGrant;
  readonly purpose: Purpose;
  readonly asset: string;
  /** Below the asset's prefix, without a slash at its start, in the origin's own bytes: an alias is decoded. */
  readonly path: string;
  /** The origin's query, without its `?`. */
  readonly query: string;
  /** The name under which a browser saves a `file`. */
  readonly download: string | undefined;
  /** What a player appended after our parameter. */
  readonly appended: string;
  /** Seconds until the URL or the session expires; zero or less if it has. */
  readonly remaining: number;
  /** If it has expired: the fresh URL for a 307, relative to the request. Undefined if it is not renewed. */
  readonly location: string | undefined;
}

export type Verdict = Verified | { readonly status: "refused"; readonly code: VerifierRefusal };
