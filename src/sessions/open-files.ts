import * as z from "zod";
import type { CredentialRefusal } from "../auth/request-credential.ts";
import { isAlias } from "../base/alias.ts";
import { pathFault } from "../base/canonical-path.ts";
import { filesTtl } from "../base/constants.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, rfc3339 } from "../base/time.ts";
import { isAllowedFile } from "../catalog/file-globs.ts";
import { downloadFault, downloadQuery } from "../signing/download-name.ts";
import { mintGrant } from "../signing/grant.ts";
import { signedQuery } from "../signing/media-url.ts";
import { macFor } from "../signing/session-keys.ts";
import {
  type BackendRefusal,
  backendViewerSchema,
  type ViewerRequest,
  viewerOf,
  withMissingMember,
} from "./backend-viewer.ts";
import { signedOut, streamsUnder, withoutStore } from "./claim-lease.ts";
import { credentialClaims, loginDigest, subjectDigest } from "./identifiers.ts";
import { readBody } from "./request-body.ts";
import { withinRate } from "./request-limits.ts";
import { isEndedRefusal, leavesSignOutsOut } from "./revocation-snapshot.ts";
import { revocationsNow } from "./revocations-now.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";
import { type PassedStart, type StartCheckRefusal, startChecks } from "./start-checks.ts";

/** Maximum size of the request's body, in bytes: a hundred paths with their names. */
export const longestFilesBody = 32_768;

/** A path below an asset, in a body. */
export const filePathSchema = z
  .string()
  .max(1024)
  .superRefine((path, context) => {
    const fault = isAlias(path) ? "~/ is reserved" : path === "" ? "it is empty" : pathFault(`/${path}`);
    if (fault === undefined) return;
    const message = `Use the file's path below the asset, in its canonical form and without a slash at its start: ${fault}.`;
    context.addIssue({ code: "custom", message });
  })
  .describe("The file's path below the asset, as the asset's `files` allow it: `thumbs/1.jpg`.");

const downloadSchema = z
  .strictObject({
    path: filePathSchema,
    download: z
      .string()
      .describe("The name under which a browser saves the file (Content-Disposition), with its extension."),
  })
  .superRefine(({ path, download }, context) => {
    const message = downloadFault(download, path);
    if (message !== undefined) context.addIssue({ code: "custom", message, path: ["download"] });
  });

export const filesBodySchema = z.strictObject({
  asset: z.string().min(1).max(64).describe("The asset's id."),
  files: z
    .array(z.union([filePathSchema, downloadSchema]))
    .min(1)
    .max(100)
    .describe("The files to open. All of them or none are opened."),
  viewer: backendViewerSchema
    .optional()
    .describe("With a backend's credential, and only then: the viewer that it opens the files for."),
});

/** The response of {@link openFiles}. */
export interface OpenedFiles {
  /** For operators and support; it grants no access. */
  readonly sessionId: string;
  /** When the last renewal of these URLs expires, RFC 3339 in UTC. */
  readonly expiresAt: string;
  /** In the order of the request. */
  readonly files: readonly OpenedFile[];
}

interface OpenedFile {
  readonly path: string;
  readonly url: string;
  /** When the URL itself expires; until the session does, it is then redirected to a fresh one. */
  readonly expiresAt: string;
}

type FilesRefusal = Refusal<
  (CredentialRefusal | BackendRefusal | StartCheckRefusal)["code"] | "body_invalid" | "file_forbidden"
>;

/**
 * `POST /files`: verifies the credential, of a viewer or of a backend that names one, makes the checks of a start, and
 * signs URLs of files that no playlist names, under a grant that opens `file` URLs only. It claims no lease and counts as no stream, so it has a rate of its own. The
 * globs are compared last: only a viewer who may play the asset learns which files it has.
 */
export async function openFiles(
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<OpenedFiles, FilesRefusal>> {
  const body = readBody(filesBodySchema, request.body, "body_invalid");
  const revocations = revocationsNow(request, context);
  const viewer = await viewerOf(request, body, context, revocations);
  if (!viewer.ok) return viewer;
  if (!body.ok) return body;
  const opened = await openFor(viewer.value, body.value, context, revocations);
  return opened.ok ? opened : refuse(withMissingMember(opened.refusal, viewer.value));
}

async function openFor(
  { credential, request }: ViewerRequest,
  body: z.output<typeof filesBodySchema>,
  context: SessionContext,
  revocations: ReturnType<typeof revocationsNow>,
): Promise<Result<OpenedFiles, FilesRefusal>> {
  const now = context.clock();
  const { settings } = context;
  const passed = await startChecks({ credential, assetId: body.asset, request, now }, context, {
    revocations,
    isForFiles: true,
    beforeEntitlement: () =>
      withinRate(settings.filesRate, subjectDigest(credential.issuer, credential.subject), request, context),
  });
  if (!passed.ok) {
    const { refusal: why } = passed;
    if (isEndedRefusal(why)) throw new Error("files that are opened have no session yet");
    return refuse(why);
  }
  const { asset, terms } = passed.value;
  const signedIn = await requireSignedIn(passed.value, context);
  if (!signedIn.ok) return signedIn;
  const wanted = body.files.map((file) => (typeof file === "string" ? { path: file, download: undefined } : file));
  const named = wanted.findIndex(({ download }) => download !== undefined);
  if (named >= 0 && asset.cdn === "cloudfront-signed")
    return refusal(
      "body_invalid",
      "a download of a CloudFront asset has a name",
      `files[${named}].download: Remove it: CloudFront sends the Content-Disposition that the origin's file has.`,
    );
  const faults = wanted.flatMap(({ path }, i) =>
    isAllowedFile(asset, path) ? [] : [`files[${i}]: The asset's files do not include this path.`],
  );
  if (faults.length > 0)
    return refusal("file_forbidden", "the asset's files do not include a path", ...faults.slice(0, mostFaults));
  const { key, binding } = terms;
  const sessionId = encodeBase64url(context.random(16));
  const expiresAt = earlier(terms.expiresAt, after(now, filesTtl));
  const grant = mintGrant(
    {
      issuer: settings.grantIssuer,
      ...credentialClaims(credential, key),
      sessionId,
      prefix: `/${asset.id}/`,
      issuedAt: now,
      expiresAt,
      use: "files",
      ...binding,
    },
    key,
  );
  const expiry = earlier(after(now, settings.manifestTtl), expiresAt);
  const mac = macFor(key, "file", grant);
  const files = wanted.map(({ path: file, download }) => {
    const path = `/${asset.id}/${file}`;
    const query = download === undefined ? "" : downloadQuery(download);
    const url = `${settings.mediaUrl}/${grant}${path}?${signedQuery(mac, "file", { path, query, expiry })}`;
    return { path: file, url, expiresAt: rfc3339(expiry) };
  });
  return ok({ sessionId, expiresAt: rfc3339(expiresAt), files });
}

/** Refuses a viewer whose sign-out a full revocation log left out: a claim would find it, and files make none. */
export async function requireSignedIn(
  { credential, snapshot, terms }: PassedStart,
  context: SessionContext,
): Promise<Result<undefined, Refusal<"token_revoked" | "store_unavailable">>> {
  const { loginId, backend } = credential;
  if (loginId === undefined || backend !== undefined || !leavesSignOutsOut(snapshot)) return ok(undefined);
  const streams = streamsUnder(terms.key, credential, context);
  const answer = await fromStore(
    "the viewer's streams",
    streams.isSignedOut(loginDigest(credential.issuer, loginId)),
    context,
  );
  if (!answer.ok) return withoutStore(answer, context);
  return answer.value ? signedOut : ok(undefined);
}

const mostFaults = 16;
