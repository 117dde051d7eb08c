import { defaultGrantIssuer } from "../../src/config/settings.ts";
import type { Given } from "./command.ts";
import { endMisused } from "./outcome.ts";

export const mediaUrlOption = { "media-url": { type: "string" } } as const;

/** Where the media host stands: scheme, host and port. */
export function mediaUrlOf(given: Given): string {
  const text = given.one("media-url") ?? "http://localhost:8788";
  const sound = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
  return sound ? text : endMisused("--media-url takes scheme, host and port, such as https://media.example.com.");
}

/** `iss` of the deployment's grants, from the same setting as the workers'. */
export function grantIssuer(): string {
  return process.env.STAGEDOOR_GRANT_ISSUER ?? defaultGrantIssuer;
}
