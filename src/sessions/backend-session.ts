import * as z from "zod";
import type { Backend } from "../auth/backend-token.ts";
import { backendIssuer, type Credential } from "../auth/credential.ts";
import type { RateRefusal } from "../auth/rate-limit.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { isAccepted } from "../keys/ring.ts";
import {
  asViewer,
  authorizeBackend,
  type BackendRefusal,
  type BackendViewer,
  backendViewerSchema,
  type PresentedToken,
  type ViewerRequest,
  viewerSubject,
  withinBackendRate,
} from "./backend-viewer.ts";
import { idForm, loginDigest, subjectHash } from "./identifiers.ts";
import type { StreamState } from "./lease.ts";
import { readBody } from "./request-body.ts";
import type { Revocable } from "./revocation.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";

/** The body of a renewal by a backend. A viewer's renewal has no body. */
export const renewalBodySchema = z.strictObject({
  viewer: backendViewerSchema.describe("With a backend's credential, and only then: the viewer of the session."),
});

/** A session that a backend started, as it is stored. */
export interface BackendSession extends ViewerRequest {
  readonly session: Revocable & { readonly expiresAt: UnixSeconds };
  readonly assetId: string;
  /** The session's row, as it was found. */
  readonly stream: StreamState;
}

export type BackendSessionRefusal = Refusal<
  (BackendRefusal | RateRefusal)["code"] | "body_invalid" | "session_unknown"
>;

/**
 * The session in the path, if this backend started it for the viewer in `Stagedoor-Subject`. A session of another
 * backend or viewer, or one that its viewer started with their own token, is `session_unknown`, as an id that does not
 * exist: a backend learns nothing about others.
 */
export function sessionByHeader(
  token: PresentedToken,
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<BackendSession, BackendSessionRefusal>> {
  return backendSession(token, request, context, () => {
    const subject = readSubject(request.subject);
    return subject.ok ? ok({ subject: subject.value }) : subject;
  });
}

/** As {@link sessionByHeader}, with the viewer in the body, for a renewal. */
export function sessionByBody(
  token: PresentedToken,
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<BackendSession, BackendSessionRefusal>> {
  return backendSession(token, request, context, () => {
    const body = readBody(renewalBodySchema, request.body, "body_invalid");
    return body.ok ? ok(body.value.viewer) : body;
  });
}

async function backendSession(
  token: PresentedToken,
  request: SessionRequest,
  context: SessionContext,
  readViewer: () => Result<BackendViewer, Refusal<"body_invalid">>,
): Promise<Result<BackendSession, BackendSessionRefusal>> {
  const backend = await authorizeBackend(token, request, context);
  if (!backend.ok) return backend;
  const viewer = readViewer();
  if (!viewer.ok) return viewer;
  const counted = await withinBackendRate(backend.value, request, context);
  if (!counted.ok) return counted;
  const own = asViewer(viewer.value, backend.value, request, context);
  const stored = await sessionOf(own.credential, backend.value, request.id, context);
  return stored.ok ? ok({ ...own, ...stored.value }) : stored;
}

const header = "Stagedoor-Subject";

/** The header is percent-encoded, because a header cannot contain every character of a name. */
function readSubject(text: string | undefined): Result<string, Refusal<"body_invalid">> {
  const how = `${header}: Send the viewer's subject, as encodeURIComponent writes it.`;
  if (text === undefined) return refusal("body_invalid", "a backend's request names no viewer", how);
  const subject = viewerSubject.safeParse(decoded(text));
  return subject.success ? ok(subject.data) : refusal("body_invalid", `the header ${header} is malformed`, how);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a lone % or bytes that are not UTF-8
  }
}

/** The stored session of a viewer, under any key of the ring: the keys may have rotated since it started. */
async function sessionOf(
  credential: Credential,
  { name }: Backend,
  sessionId: string,
  context: SessionContext,
): Promise<Result<Stored, Refusal<"session_unknown" | "store_unavailable">>> {
  const unknown = refusal(
    "session_unknown",
    "the backend has started no such session for this viewer",
    "the path: Send the sessionId of a start with this backend's credential, and the same viewer.",
  );
  if (!idForm.test(sessionId)) return unknown;
  const now = context.clock();
  const names = [...context.keys.values()]
    .filter((key) => isAccepted(key, now))
    .map((key) => subjectHash(key, credential.issuer, credential.subject));
  const lookups = names.map(async (subject) => ({
    subject,
    stream: await context.streams(subject).show(sessionId, now),
  }));
  const rows = await fromStore("the viewer's streams", Promise.all(lookups), context);
  if (!rows.ok) return rows;
  const own = rows.value.find(({ stream }) => stream?.login === loginDigest(backendIssuer, name));
  return own?.stream === undefined ? unknown : ok(storedSession(sessionId, own.subject, own.stream));
}

type Stored = Pick<BackendSession, "session" | "assetId" | "stream">;

function storedSession(sessionId: string, subject: string, stream: StreamState): Stored {
  const { login, startedBy, startedAt, expiresAt, assetId } = stream;
  // The row does not say which session key its grants have: the edge checks that key.
  const session = { sessionId, subject, login, ...startedBy, kid: "", issuedAt: startedAt, expiresAt };
  return { session, assetId, stream };
}
