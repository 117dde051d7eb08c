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

/** How a request ended. */
export type Outcome =
  | {
      readonly verdict: "served";
      readonly status: number;
      /** Where a redirect led, if one did. */
      readonly renewedTo?: string | undefined;
    }
  | { readonly verdict: "refused"; readonly problem: Problem; readonly renewedTo?: string | undefined }
  | { readonly verdict: "unreachable" }
  | { readonly verdict: "cancelled" };

/** A request that the page or its player made. */
export interface WatchedRequest {
  readonly kind: RequestKind;
  /** Undefined for what is no URL of the media host. It may hold a grant, so it is never shown as it is. */
  readonly url: string | undefined;
  /** What is shown in place of a file's name. */
  readonly name?: string;
  /** Why it was sent, where its name does not say. */
  readonly note?: string;
  /** What was changed before it was sent again. */
  readonly again?: string;
}

/** Takes a request up as it is sent, and gives back what is to be told how it ended. */
export type Watch = (request: WatchedRequest) => (outcome: Outcome) => void;
