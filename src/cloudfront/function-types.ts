import type { VerifierRefusal, VerifierSettings } from "../verifier/verifier-types.ts";

/**
 * What a CloudFront Function reads and answers. Like the verifier it runs in an interpreter, so its types name neither the
 * core's classes nor a runtime's.
 */

/** Headers in CloudFront's event. The other values of a repeated header are not read. */
export interface EventValues {
  [name: string]: { readonly value: string };
}

/** A viewer's request as CloudFront describes it to a function, which changes it and returns it. */
export interface FunctionRequest {
  readonly method: string;
  /** The path, as it was on the wire. */
  uri: string;
  /** Parameters by name. A function may also write the whole query as text. */
  querystring: unknown;
  headers: EventValues;
  /** The query as it was on the wire; undefined if there is none. */
  readonly rawQueryString: () => string | undefined;
}

/** An event of the type `viewer-request`, version 1.0. */
export interface ViewerEvent {
  readonly viewer: { readonly ip: string };
  readonly request: FunctionRequest;
}

/** A response that a function makes itself. */
export interface FunctionResponse {
  readonly statusCode: number;
  readonly headers: EventValues;
  readonly body?: string | undefined;
}

/** The module `cloudfront` of a function, as far as it is used. */
export interface CloudFrontModule {
  /** The store that is associated with the function. Its methods reject if it fails. */
  readonly kvs: () => {
    /** Rejects also if there is no such entry. */
    readonly get: (key: string) => Promise<string>;
    readonly exists: (key: string) => Promise<boolean>;
  };
  /** Asks another origin of the distribution than the one of the cache behaviour. */
  readonly selectRequestOriginById: (id: string) => void;
}

/** Codes of the function's refusals. */
export type FunctionRefusal =
  | VerifierRefusal
  | "method_not_covered"
  | "signature_expired"
  | "session_revoked"
  | "stream_taken"
  | "session_shared"
  | "store_unavailable";

/** What is fixed for a function, as plain JSON without secrets: the keys are in its store. */
export interface FunctionSettings extends Omit<VerifierSettings, "keys"> {
  /** The id of the manifest host among the distribution's origins. */
  readonly manifestOrigin: string;
  /**
   * What to do if the store fails or has been out of step for too long: refuse the request (`store_unavailable`), or ask
   * the manifest host, which checks every request itself.
   */
  readonly storeFailure: "refuse" | "forward";
}

/** What the function's own responses have, which the build copies from the core's. */
export interface FunctionResponses {
  /** Headers of every response, names and values in turns. */
  readonly headers: readonly string[];
  /** Further headers of the response to a preflight. */
  readonly preflight: readonly string[];
  /** The status of a refusal if it is not 403, and headers that only this refusal has. */
  readonly refusals: { readonly [code in FunctionRefusal]?: readonly string[] };
}
