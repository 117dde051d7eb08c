import type { DescribedParameter, DescribedRoutes } from "./described.ts";
import { operator, ownSession, renewed, started } from "./route-refusals.ts";

const id: DescribedParameter = {
  name: "id",
  in: "path",
  description: "The session's id, as its start answered with it.",
  schema: { type: "string" },
};

/** The routes of `http/api.ts` below the base path. */
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
