import { assetIdSchema } from "../catalog/asset.ts";

/** What a user's row says about what he may play. Operators write it, nobody else. */
export interface UserRights {
  /** Asset ids, or "*" for all. */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/** Whether text is what `assets` of a user's row may hold: `*`, or asset ids with spaces or commas between them. */
export function isAssetList(text: string): boolean {
  return text.trim() === "*" || words(text).every((id) => assetIdSchema.safeParse(id).success);
}

/**
 * The rights in a user's row: what is no asset id opens nothing, and no list opens nothing. A number of streams below one,
 * or none, leaves the limit to the asset and the settings.
 */
export function rightsOf(user: Readonly<Record<string, unknown>>): UserRights {
  const { assets, streams } = user;
  const text = typeof assets === "string" ? assets : "";
  return {
    assets: text.trim() === "*" ? "*" : words(text).filter((id) => assetIdSchema.safeParse(id).success),
    streams: typeof streams === "number" && Number.isSafeInteger(streams) && streams >= 1 ? streams : undefined,
  };
}

/** The claims of an access token that come from its user: no e-mail address, no name, no picture. */
export function claimsOf(user: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { assets, streams } = rightsOf(user);
  return { assets, ...(streams !== undefined && { streams }) };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
