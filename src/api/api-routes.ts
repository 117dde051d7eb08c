import * as z from "zod";
import {
  type NamedSchema,
  type Route,
  type RouteDescription,
  type RouteParameter,
  type RouteTable,
  route,
} from "../http/route.ts";
import { renewalBodySchema } from "../sessions/backend-session.ts";
import { idForm } from "../sessions/identifiers.ts";
import { filesBodySchema, longestFilesBody, type OpenedFiles, openFiles } from "../sessions/open-files.ts";
import type { OpenedSession } from "../sessions/open-session.ts";
import { endSession, renewSession, type ShownSession, showSession } from "../sessions/own-session.ts";
import type { SessionContext } from "../sessions/session-context.ts";
import { startBodySchema, startStream } from "../sessions/start-stream.ts";

const time = z.iso.datetime();
const sessionId = z.string().regex(idForm).describe("The session's id. It grants no access.");

const openedSessionSchema: z.ZodType<OpenedSession> = z.strictObject({
  sessionId,
  manifestUrl: z.url().describe("The URL for the player: plain HLS. Load it unchanged."),
  manifestExpiresAt: time.describe("A player has to load the manifest by then. Playback that has begun continues."),
  sessionExpiresAt: time.describe("When the session expires, unless it is renewed or ended earlier."),
  grant: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .describe("For the session's routes, in the header CTA-Common-Access-Token."),
});
const openedSession: NamedSchema = { name: "OpenedSession", schema: openedSessionSchema };

const shownSessionSchema: z.ZodType<ShownSession> = z.strictObject({
  sessionId,
  asset: z.string().describe("The asset's id."),
  state: z
    .enum(["running", "idle", "revoked", "taken", "shared"])
    .describe(
      "running: it holds a lease. idle: no request for longer than a lease. revoked, taken (over by another device) and " +
        "shared (in too many networks): it was ended.",
    ),
  startedAt: time,
  lastSeenAt: time.exactOptional().describe("When its last request was recorded."),
  sessionExpiresAt: time,
  networks: z.int().min(0).exactOptional().describe("The number of networks that use it now."),
});

const openedFilesSchema: z.ZodType<OpenedFiles> = z.strictObject({
  sessionId,
  expiresAt: time.describe("When the URLs stop being renewed, an hour at most. Request the files again then."),
  files: z
    .array(
      z.strictObject({
        path: z.string().describe("As in the request."),
        url: z.url().describe("The file's URL. Load it unchanged; GET and HEAD, with ranges."),
        expiresAt: time.describe("When the URL expires. From then on it is redirected (307) to a fresh one."),
      }),
    )
    .describe("In the order of the request."),
});

/** The refusals of a viewer's or a backend's credential. */
const credentialRefusals = [
  "token_expired",
  "token_revoked",
  "origin_untrusted",
  "rate_limited",
  "store_unavailable",
  "provider_unavailable",
] as const;

/** The refusals of a start's checks. */
const checkRefusals = [
  ...(["scope_insufficient", "asset_forbidden", "asset_unknown"] as const),
  ...(["asset_not_yet_available", "asset_no_longer_available"] as const),
  ...(["country_forbidden", "place_forbidden", "origin_forbidden", "player_refused"] as const),
  ...(["asset_revoked", "place_not_allowed", "entitlement_refused"] as const),
  "address_unknown",
  "quality_unavailable",
] as const;

/** The refusals of a start's checks and its claim of a lease. */
const startRefusals = [...checkRefusals, "stream_limit", "start_rate_exceeded"] as const;

/** The refusals of a session's own routes. */
const ownSessionRefusals = [
  ...credentialRefusals,
  ...(["session_unknown", "session_forbidden", "grant_invalid", "grant_expired", "key_unknown"] as const),
] as const;

const id: RouteParameter = {
  name: "id",
  in: "path",
  description: "The `sessionId` from the session's start.",
  schema: { type: "string" },
};

const subject: RouteParameter = {
  name: "Stagedoor-Subject",
  in: "header",
  description: "With a backend's credential, and only then: the viewer's subject, as encodeURIComponent writes it.",
  schema: { type: "string" },
};

/** A viewer's routes, below the base path. */
export const viewerRoutes: RouteTable<Route<SessionContext>> = {
  "/stream/start": {
    POST: route({
      id: "startStream",
      tag: "Streams",
      summary: "Start a stream",
      description:
        "Exchanges a viewer's credential, or a backend's with the `viewer`, for a signed manifest URL. The playlists below it " +
        "are rewritten so that every segment has its own signature. The session lasts until `sessionExpiresAt`.",
      access: "viewer",
      asked: "start",
      body: { name: "Start", schema: startBodySchema, example: { asset: "film-42" } },
      response: { status: 201, description: "The session and its manifest URL.", body: openedSession },
      refusals: [...credentialRefusals, ...startRefusals],
      handler: startStream,
    }),
  },
  "/files": {
    POST: route({
      id: "openFiles",
      tag: "Streams",
      summary: "Open files that no playlist names",
      description:
        "Exchanges a viewer's credential, or a backend's with the `viewer`, for signed URLs of files that the asset's `files` " +
        "allow: posters, thumbnail tracks, chapters, downloads. The checks are those of a start. The URLs count under no stream limit, and open no playlist, key " +
        "or segment.",
      access: "viewer",
      maxBody: longestFilesBody,
      body: {
        name: "Files",
        schema: filesBodySchema,
        example: {
          asset: "film-42",
          files: ["poster.jpg", { path: "downloads/film.mp4", download: "Forty-two.mp4" }],
        },
      },
      response: {
        status: 200,
        description: "The files' URLs.",
        body: { name: "OpenedFiles", schema: openedFilesSchema },
      },
      refusals: [...credentialRefusals, ...checkRefusals, "file_forbidden"],
      handler: openFiles,
    }),
  },
  "/stream/:id": {
    GET: route({
      id: "showSession",
      tag: "Streams",
      summary: "Show a session",
      description: "The state of the viewer's own session: running, idle, or why it was ended.",
      access: "session",
      parameters: [id, subject],
      response: {
        status: 200,
        description: "The session's state.",
        body: { name: "ShownSession", schema: shownSessionSchema },
      },
      refusals: ownSessionRefusals,
      handler: showSession,
    }),
    DELETE: route({
      id: "endSession",
      tag: "Streams",
      summary: "End a session",
      description:
        "Ends all URLs of the session within two seconds and frees its place under the stream limit. Ending a session " +
        "twice is not an error.",
      access: "session",
      parameters: [id, subject],
      response: { status: 204, description: "The session is ended." },
      refusals: [...ownSessionRefusals, "session_revoked"],
      handler: endSession,
    }),
  },
  "/stream/:id/renew": {
    POST: route({
      id: "renewSession",
      tag: "Streams",
      summary: "Renew a session",
      description:
        "Returns the same session with a fresh grant, manifest URL and expiry: for a cast device, or before the session " +
        "expires. The checks are those of a start. The earlier grant and its URLs stay valid until they expire; use the new " +
        "grant in the header CTA-Common-Access-Token from now on. Only a backend's request has a body.",
      access: "session",
      parameters: [id],
      body: {
        name: "Renewal",
        schema: renewalBodySchema,
        example: { viewer: { subject: "viewer-1" } },
        required: false,
      },
      response: { status: 200, description: "The session and its new manifest URL.", body: openedSession },
      refusals: [
        ...ownSessionRefusals,
        ...startRefusals,
        ...(["session_revoked", "session_shared", "stream_taken"] as const),
      ],
      handler: renewSession,
    }),
  },
};

/** The routes at the root that `api.ts` answers by itself. */
export const serviceRouteDescriptions: RouteTable<RouteDescription> = {
  "/health": {
    GET: {
      id: "health",
      tag: "Service",
      summary: "Check that the worker runs",
      description: "Contacts no dependency. The media host has the same route.",
      access: "public",
      response: {
        status: 200,
        description: "The worker runs with a valid configuration.",
        body: { name: "Health", schema: z.strictObject({ status: z.literal("ok") }) },
      },
      refusals: [],
    },
  },
  "/ready": {
    GET: {
      id: "ready",
      tag: "Service",
      summary: "Check that the dependencies respond",
      description: "Checks the worker's dependencies, at most every two seconds. The media host has the same route.",
      access: "public",
      response: {
        status: 200,
        description: "All dependencies respond.",
        body: { name: "Ready", schema: z.strictObject({ status: z.literal("ready") }) },
      },
      otherResponse: {
        status: 503,
        description: "Some dependencies do not respond.",
        body: {
          name: "NotReady",
          schema: z.strictObject({
            status: z.literal("not ready"),
            parts: z.record(z.string(), z.literal("does not answer")).describe("The dependencies that do not respond."),
          }),
        },
      },
      refusals: [],
    },
  },
  "/openapi.json": {
    GET: {
      id: "openapi",
      tag: "Service",
      summary: "Get this description",
      description: "OpenAPI 3.1, generated from the route tables.",
      access: "public",
      response: { status: 200, description: "The OpenAPI document.", contentType: "application/json" },
      refusals: [],
    },
  },
};
