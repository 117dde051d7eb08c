/** What a URL of the media host may be used for. Each purpose has its own key and its own query parameter. */
export type MediaPurpose = "playlist" | "segment" | "key" | "file";

export const mediaPurposes = ["playlist", "segment", "key", "file"] as const satisfies readonly MediaPurpose[];

/**
 * Parameters that are reserved for DASH templates. A URL that ends in one is refused, so a later release can use them
 * without a new format.
 */
export const reservedParameters = ["tpl"] as const;

/** The query parameter of the expiry and signature, named after the purpose. */
export const parameterOf = { playlist: "list", segment: "seg", key: "key", file: "file" } as const satisfies Record<
  MediaPurpose,
  string
>;
