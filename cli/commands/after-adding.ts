import type { Asset } from "../../src/catalog/asset.ts";
import { bucketUnbound, type Deployment, unboundBuckets } from "../doctor/deployment-at.ts";
import { isLocal } from "../doctor/live/live.ts";
import type { Given } from "./command.ts";

/** What to be told beside the success: a bucket that the workers do not have. */
export function bucketNote({ origin }: Pick<Asset, "origin">, deployment: Deployment | undefined): string | undefined {
  if (deployment === undefined) return undefined;
  const [name] = unboundBuckets([{ origin }], deployment);
  return name === undefined ? undefined : bucketUnbound(name, deployment);
}

/** The next step after an asset was added to a deployment's catalog: the whole command that looks at it. */
export function lookAtIt(
  { origin }: Pick<Asset, "origin">,
  api: string,
  given: Given,
  deployment: Deployment | undefined,
): string {
  const [bearer, ring] = [given.one("bearer"), given.one("ring")];
  const media = deployment?.mediaUrl;
  const words = [
    "npx stagedoor doctor",
    ...(isLocal(api) ? [] : [`--env ${deployment?.environment ?? "<environment>"}`]),
    `--api ${api}`,
    ...(media === undefined ? ["--origins"] : [`--media ${media}`]),
    ...(bearer === undefined ? [] : [`--bearer ${bearer === "-" ? "<file>" : bearer}`]),
    ...(ring === undefined ? [] : [`--ring ${ring}`]),
  ];
  const what =
    origin.type === "r2"
      ? "look whether the workers have its bucket"
      : "look whether its origin is reachable, and closed to all but the workers (with the origin's secret in the environment)";
  return `Next: ${what}:\n  ${words.join(" ")}`;
}
