import { setTimeout as sleep } from "node:timers/promises";
import { isLocalUrl } from "../../src/base/origins.ts";
import { after, seconds, systemClock } from "../../src/base/time.ts";
import { type Asset, entryFile, entryPlace } from "../../src/catalog/asset.ts";
import type { CatalogChange } from "../../src/catalog/edit-catalog.ts";
import { signingKey } from "../../src/keys/ring.ts";
import { httpOrigin } from "../../src/origin/http-origin.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import type { Args, Progress } from "../lib/command.ts";
import { parseJson, readRing } from "../lib/files.ts";
import { startProgram } from "../lib/project.ts";
import { cliIssuer, grantIssuer, signMediaUrl } from "../lib/sign-media-url.ts";

/** Whether players can load the entry of an asset. `unchecked`: why this machine cannot tell. */
export type EntryCheck =
  | { readonly status: "loads" }
  | { readonly status: "fails"; readonly message: string }
  | { readonly status: "unchecked"; readonly reason: string };

const timeoutMs = 10_000;

/** How long the workers of `npm start` may use the catalog from before a change: they read it every five seconds. */
const catalogDelayMs = 6_000;

/**
 * Checks an asset's entry before it is added, with the workers' own adapter: at any HTTP origin without a secret. What only
 * the workers can load, {@link checkThroughMediaHost} checks later.
 */
export async function checkAtOrigin(asset: Asset): Promise<EntryCheck> {
  const { origin } = asset;
  if (origin.type === "r2") return { status: "unchecked", reason: "only the workers can read the bucket" };
  if (origin.type === "file") return { status: "unchecked", reason: "only the service can read its folder" };
  if (origin.auth !== undefined) return { status: "unchecked", reason: "only the workers have the origin's secret" };
  const load = httpOrigin({ fetch, clock: systemClock, secretOf: () => undefined, originSecrets: {} });
  const response = await load({ asset, ...entryFile(asset), method: "GET" });
  if (!response.ok) return { status: "fails", message: response.refusal.reason };
  await response.value.body?.cancel();
  return { status: "loads" };
}

/**
 * Loads a changed asset's entry as a player would: from the media host of `npm start`, with a signed URL. Waits until the
 * workers use the changed catalog.
 */
export async function checkThroughMediaHost(
  asset: Asset,
  was: CatalogChange["was"],
  api: string,
  args: Args,
  progress: Progress,
): Promise<EntryCheck> {
  if (!isLocalUrl(api)) return { status: "unchecked", reason: "only the doctor can ask a deployment's media host" };
  const mediaUrl = await localMediaUrl(api);
  if (mediaUrl === undefined) return { status: "unchecked", reason: `${api} is not a running ${startProgram}` };
  const now = systemClock();
  const key = signingKey((await prepareSessionKeys(await readRing(args), oneShotHmac)).values(), now);
  if (key === undefined) return { status: "unchecked", reason: "no session key of the ring signs now" };
  const { path, query } = entryPlace(asset);
  const expiresAt = after(now, seconds(60));
  const { url } = signMediaUrl(
    key,
    { asset, path: `/${asset.id}/${path}`, query, purpose: "playlist" },
    {
      ...{ mediaUrl, now, expiresAt, sessionExpiresAt: expiresAt },
      grantIssuer: grantIssuer(),
      subject: { issuer: cliIssuer, name: "operator" },
    },
  );
  progress("Waiting until the workers use the changed catalog …");
  // Before that, a replaced asset would be checked in its old form, and an added one is unknown.
  if (was === "replaced") await sleep(catalogDelayMs);
  const until = Date.now() + catalogDelayMs;
  for (;;) {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
    if (response === undefined) return { status: "fails", message: `${mediaUrl} does not answer` };
    if (response.ok) {
      await response.body?.cancel();
      return { status: "loads" };
    }
    const { code = "", detail = "no more is known" } = Object(parseJson(await response.text().catch(() => "")));
    if (was !== "added" || Date.now() > until)
      return { status: "fails", message: `the media host answers ${response.status} ${code}: ${detail}` };
    await sleep(250);
  }
}

/** The media host that the demo page of a local API plays from. */
async function localMediaUrl(api: string): Promise<string | undefined> {
  try {
    const response = await fetch(new URL("/demo.json", api), { signal: AbortSignal.timeout(timeoutMs) });
    const { mediaUrl } = Object(await response.json());
    return typeof mediaUrl === "string" ? mediaUrl : undefined;
  } catch {
    return undefined;
  }
}
