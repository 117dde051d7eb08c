import crypto, { createHash } from "node:crypto";
import { createContext, runInContext } from "node:vm";
import { edgeScript } from "../../../cli/lib/edge-script.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { isRenewable, renewUrl } from "../../../src/edge/renew-url.ts";
import type { KeyRing } from "../../../src/keys/ring.ts";
import type { Grant } from "../../../src/signing/grant.ts";
import type { SessionKeys } from "../../../src/signing/session-keys.ts";
import { verifierKeys } from "../../../src/verifier/verifier-keys.ts";
import type { Verdict, VerifierClient, VerifierSettings } from "../../../src/verifier/verifier-types.ts";

/** A request to the media host. */
export interface Case {
  readonly target: string;
  readonly client: VerifierClient;
  readonly now: number;
}

/** A deployment as the core and as the portable verifier know it. */
export interface World {
  readonly keys: SessionKeys;
  readonly catalog: Catalog;
  readonly settings: VerifierSettings;
}

const renewal = { lifetime: 300, step: 30 };

export async function worldOf(
  ring: KeyRing,
  keys: SessionKeys,
  catalog: Catalog,
  issuer = "stagedoor",
): Promise<World> {
  const assets = Object.fromEntries(catalog.assets().map(({ id, segmentSignature }) => [id, segmentSignature]));
  return { keys, catalog, settings: { issuer, keys: await verifierKeys(ring), assets, renewal } };
}

/** The script that edges run. */
export const artefact = await edgeScript("src/verifier/edge-verifier.ts", "edgeVerifier");

/** The artefact's verdicts, in a context with `Buffer` and `crypto` and nothing else of Node. */
export function inVm({ settings }: World): (request: Case) => unknown {
  const context = createContext({ Buffer, crypto, settings });
  const verify: unknown = runInContext(`${artefact}const verify=edgeVerifier(settings,crypto,Buffer);verify`, context);
  if (typeof verify !== "function") throw new Error("the artefact exports no function");
  return ({ target, client, now }) => plain(verify(target, client, now));
}

/** What the core decides, in the verifier's words. It alone knows of globs, so `file_forbidden` is a word of its own. */
export function byCore({ keys, catalog, settings }: World, { target, client, now }: Case): unknown {
  // A worker's request has no characters outside ASCII: its URL parser encodes them.
  if (/[^\0-\x7f]/.test(target)) return { status: "refused", code: "path_invalid" };
  const userAgentHash = () => createHash("sha256").update(client.userAgent).digest("base64url");
  const context = { keys, catalog, grantIssuer: settings.issuer, client: { address: client.address, userAgentHash } };
  const checked = checkMediaRequest(target, { ...context, now: unixSeconds(now) });
  if (checked.verdict === "refused") return { status: "refused", code: checked.refusal.code };
  const { access } = checked;
  const renewed =
    checked.verdict === "expired" && settings.renewal !== undefined && isRenewable(access, "redirect")
      ? renewUrl(access, unixSeconds(now), seconds(settings.renewal.lifetime), seconds(settings.renewal.step))
      : undefined;
  const { purpose, asset, rest: path, query, download, appended, grant } = access;
  const verdict: Verdict = {
    status: checked.verdict === "expired" ? "expired" : "granted",
    ...{ grant: grantOf(grant), purpose, asset: asset.id, path, query, download, appended },
    remaining: Math.min(access.expiry, grant.expiresAt) - now,
    location: renewed?.headers.get("Location") ?? undefined,
  };
  return plain(verdict);
}

function grantOf({ prefix, otherPrefixes = [], network, text: _, ...claims }: Grant) {
  const bound = network && {
    digits: network.bytes.length * 2,
    bits: network.bits,
    prefix: Buffer.from(network.bytes).toString("hex"),
  };
  return { ...claims, prefixes: [prefix, ...otherPrefixes], network: bound };
}

/** As JSON has it, with the zeros of a network's prefix. */
export function plain(verdict: unknown): unknown {
  return JSON.parse(JSON.stringify(verdict), (name, value) =>
    name === "network" ? { ...value, prefix: String(value.prefix).padEnd(value.digits, "0") } : value,
  );
}
