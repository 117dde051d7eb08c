import type { Problem } from "./problem.ts";

export type RequestKind =
  | "account"
  | "start"
  | "end"
  | "multivariant"
  | "playlist"
  | "init"
  | "segment"
  | "subtitle"
  | "key"
  | "file";

/** The result of a request. */
export type Outcome =
  | {
      readonly verdict: "served";
      readonly status: number;
      /** The target of a redirect, if there was one. */
      readonly renewedTo?: string | undefined;
    }
  | { readonly verdict: "refused"; readonly problem: Problem; readonly renewedTo?: string | undefined }
  | { readonly verdict: "unreachable" }
  | { readonly verdict: "cancelled" };

/** A request of the page or its player. */
export interface WatchedRequest {
  readonly kind: RequestKind;
  /** Undefined unless it is a URL of the media host. It may contain a grant, so it is only shown shortened. */
  readonly url: string | undefined;
  /** Shown in place of a file name. */
  readonly name?: string;
  /** Why it was sent, if its name does not say so. */
  readonly note?: string;
  /** The change before it was sent again. */
  readonly again?: string;
}

/** Observes a request when it is sent. The returned function receives its result. */
export type Watch = (request: WatchedRequest) => (outcome: Outcome) => void;
