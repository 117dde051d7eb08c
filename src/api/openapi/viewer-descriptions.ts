import {
  type DescribedParameter,
  type DescribedRoutes,
  operator,
  ownSession,
  renewed,
  started,
} from "./description.ts";

const id: DescribedParameter = {
  name: "id",
  in: "path",
  description: "The session's id, as its start answered with it.",
  schema: { type: "string" },
};

/** The routes of `api/api.ts` below the base path. */
export const sessionRoutes: DescribedRoutes = {
  "/stream/start": {
    POST: {
      id: "startStream",
      tag: "Streams",
      summary: "Start a stream",
      description:
        "Trades a viewer's credential for a signed manifest URL. Every playlist below it is rewritten, so that each " +
        "segment carries a signature of its own; the session lasts until `sessionExpiresAt`.",
      asks: "viewer",
      body: { schema: "Start", example: { asset: "film-42" } },
      answer: { status: 201, description: "The session, and where it plays.", schema: "OpenedSession" },
      refusals: started,
    },
  },
  "/stream/:id": {
    GET: {
      id: "showSession",
      tag: "Streams",
      summary: "Show a session",
      description: "How a viewer's own session stands: running, idle, or why it was ended.",
      asks: "session",
      parameters: [id],
      answer: { status: 200, description: "How it stands.", schema: "ShownSession" },
      refusals: ownSession,
    },
    DELETE: {
      id: "endSession",
      tag: "Streams",
      summary: "End a session",
      description:
        "Ends all its URLs within two seconds, and gives back its place among the viewer's streams. Ending one twice is " +
        "no fault.",
      asks: "session",
      parameters: [id],
      answer: { status: 204, description: "It has ended." },
      refusals: [...ownSession, "session_revoked"],
    },
  },
  "/stream/:id/renew": {
    POST: {
      id: "renewSession",
      tag: "Streams",
      summary: "Renew a session",
      description:
        "The same session with a fresh grant, manifest URL and end: for a cast device, or as the end nears. It asks for " +
        "all that a start asks for.",
      asks: "session",
      parameters: [id],
      answer: { status: 200, description: "The session, and where it plays on.", schema: "OpenedSession" },
      refusals: renewed,
    },
  },
  "/operator/revocations": {
    POST: {
      id: "revoke",
      tag: "Operators",
      summary: "End what is running",
      description:
        "Ends a session, a viewer's sessions, an asset, a token, a login or a key, everywhere within two seconds; or with " +
        "`lift` takes that back. Name one of them. A key asks for the scope operator:keys, all else for operator:revoke.",
      asks: ["operator:revoke", "operator:keys"],
      body: { schema: "Revocation", example: { session: "q83vEjRWeJCrze8SNFZ4kA" } },
      answer: { status: 201, description: "What was ended, and until when the entry stands.", schema: "Revoked" },
      refusals: [...operator, "revocation_invalid", "revocation_unknown"],
    },
  },
};

/** What stands at the root of the API's host, whatever the base path. */
export const serviceRoutes: DescribedRoutes = {
  "/metrics": {
    GET: {
      id: "metrics",
      tag: "Service",
      summary: "Metrics for Prometheus",
      description: "What all workers have counted, in Prometheus' text format 0.0.4.",
      asks: ["operator:read"],
      answer: { status: 200, description: "Every series with its value.", type: "text/plain" },
      refusals: operator,
    },
  },
  "/health": {
    GET: {
      id: "health",
      tag: "Service",
      summary: "Is this worker configured?",
      description: "Asks nobody else. The media host answers it as well.",
      asks: "anybody",
      answer: { status: 200, description: "It is.", schema: "Health" },
      refusals: [],
    },
  },
  "/ready": {
    GET: {
      id: "ready",
      tag: "Service",
      summary: "Does all that it needs answer?",
      description:
        "Looks at the stores that this worker needs, no more than every two seconds. The media host answers it as well.",
      asks: "anybody",
      answer: { status: 200, description: "All of it does.", schema: "Ready" },
      otherwise: { status: 503, description: "Some of it does not.", schema: "NotReady" },
      refusals: [],
    },
  },
  "/openapi.json": {
    GET: {
      id: "openapi",
      tag: "Service",
      summary: "This description",
      description: "OpenAPI 3.1, made of the code that answers.",
      asks: "anybody",
      answer: { status: 200, description: "The description.", type: "application/json" },
      refusals: [],
    },
  },
};
