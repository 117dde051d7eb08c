import { equalInConstantTime } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { ok, type Result, refusal, refuse } from "../base/result.ts";
import type { Asset } from "../catalog/asset.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import { clientOf, sourceOf } from "../http/request.ts";
import { derivedFrom } from "../keys/key-material.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";
import type { RevocationWatch } from "../sessions/revocation-watch.ts";
import { parseMediaTarget } from "../signing/media-url.ts";
import { type MediaRequest, opening } from "./answer-media.ts";
import { checkMediaTarget } from "./check-media-request.ts";
import { type EdgeParts, type EdgeRefusal, unmetCondition } from "./serve-request.ts";

/**
 * The header with which nginx asks for an admission instead of the file. Its value is one of {@link admissionSecrets}; in the
 * answer it is `granted`.
 */
export const admissionHeader = "Stagedoor-Admission";

/** The header of a granted admission that says where the asset's files are, as {@link originIdentity} does. */
export const originHeader = "Stagedoor-Origin";

/** Whether a request is a question of nginx. A client's own header is refused: it has no secret. */
export function asksForAdmission({ headers }: Pick<Request, "headers">): boolean {
  return headers.has(admissionHeader);
}

/** The secret of each session key that verifies, by its kid: derived from it, so nginx needs no file besides its keys. */
export async function admissionSecrets(ring: KeyRing): Promise<ReadonlyMap<string, string>> {
  const keys = keysFor(ring, "session").filter(({ state }) => state !== "retired");
  const secretOf = async (key: (typeof keys)[number]) => encodeBase64url(await (await derivedFrom(key))("admission"));
  return new Map(await Promise.all(keys.map(async (key) => [key.kid, await secretOf(key)] as const)));
}

export interface AdmissionRouteParts
  extends Pick<EdgeParts, "keys" | "open" | "catalog" | "clock" | "sha256" | "development" | "edgeSecrets">,
    Pick<EdgeParts, "grantIssuer" | "admit" | "waitUntil"> {
  readonly secrets: ReadonlyMap<string, string>;
  readonly revocations: Pick<RevocationWatch, "fresh">;
}

/**
 * Answers nginx, which has checked a media URL itself, whether the URL's session is admitted; and where the asset's files are,
 * if nginx can read them. The URL is checked again, so the secret alone opens nothing.
 *
 * nginx uses the answer for a second, for every URL of the session's asset in this network that has not expired, or for
 * every one that has. So it does not depend on the file, and the revocations that it is based on are a second old at most.
 * For an expired URL it depends on the asset's conditions too, as every renewal does.
 */
export async function answerAdmission(
  request: MediaRequest,
  parts: AdmissionRouteParts,
): Promise<Result<Response, EdgeRefusal>> {
  const secret = request.raw.headers.get(admissionHeader) ?? "";
  if (![...parts.secrets.values()].some((one) => equalInConstantTime(secret, one)))
    return refusal(
      "configuration_invalid",
      "a question of nginx has a secret of another key ring: run `npx stagedoor nginx` again and reload nginx",
    );
  const catalog = await parts.catalog();
  if (!catalog.ok) return catalog;
  const target = parseMediaTarget(request.target);
  if (!target.ok) return target;
  const now = parts.clock();
  const client = clientOf(request.raw, parts.sha256, parts.development, parts.edgeSecrets);
  const context = { ...parts, open: opening(request, parts.open), now, client, catalog: catalog.value };
  const checked = checkMediaTarget(target.value, context);
  if (checked.verdict === "refused") return refuse(checked.refusal);
  await parts.revocations.fresh();
  const { waitUntil } = parts;
  const source = () => sourceOf(request.raw, parts.development, parts.edgeSecrets);
  // nginx asks again for a renewal, whatever it knows of the session.
  const unmet = checked.verdict === "expired" ? unmetCondition(checked.access, { source, now }) : undefined;
  if (unmet !== undefined) return refuse(unmet);
  const why = await parts.admit(checked.access, { client, now, waitUntil, place: source });
  if (why !== undefined) return refuse(why);
  return ok(new Response(null, { headers: { [admissionHeader]: "granted", ...filesOf(checked.access.asset) } }));
}

/** The response to nginx, whose auth_request knows only 200 and 403. */
export function forNginx(response: Response): Response {
  return response.ok ? response : new Response(null, { status: 403, headers: response.headers });
}

/**
 * Nothing for what nginx does not serve itself: files of buckets and of origins that need a credential, and assets with a cache
 * lifetime of their own.
 */
function filesOf({ origin, cdn, cacheLifetime }: Asset): Readonly<Record<string, string>> {
  const isReadable = origin.type === "file" || (origin.type === "http" && origin.auth === undefined);
  if (!isReadable || cdn === "cloudfront-signed" || cacheLifetime !== undefined) return {};
  const place = originIdentity(origin);
  return /^[!-~]*$/.test(place) ? { [originHeader]: place } : {};
}
