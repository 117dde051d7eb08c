import type { WorkerKind } from "./worker-files.ts";

/** A binding that a worker cannot do without, or in the words of `optional` what it does where it has none. */
export interface NeededBinding {
  readonly binding: string;
  readonly kind: "kv" | "d1" | "service" | "object";
  /** The class of a Durable Object. */
  readonly className?: string;
  /** The worker that it leads to, where that is another one. */
  readonly of?: WorkerKind;
  readonly optional?: "nobody signs in by the identity worker" | "what this worker does is not counted";
}

const metrics = { binding: "METRICS", kind: "object", className: "MetricsObject" } as const;
const uncounted = "what this worker does is not counted";
const revocations = { binding: "REVOCATIONS", kind: "object", className: "RevocationObject" } as const;
const streams = { binding: "STREAMS", kind: "object", className: "StreamsObject" } as const;
const catalog = { binding: "CATALOG", kind: "kv" } as const;

/** What each worker's `Env` needs of its wrangler.toml; buckets stand in the catalog. A test holds it to workers/<name>/index.ts. */
export const neededBindings: Readonly<Record<WorkerKind, readonly NeededBinding[]>> = {
  api: [
    catalog,
    { ...revocations, of: "edge" },
    { ...streams, of: "edge" },
    { binding: "PROOFS", kind: "object", className: "ProofsObject" },
    { binding: "LIMITS", kind: "object", className: "LimitsObject" },
    { ...metrics, of: "manifest" },
    { binding: "CATALOG_EDITS", kind: "object", className: "CatalogObject" },
    { binding: "IDENTITY", kind: "service", of: "identity", optional: "nobody signs in by the identity worker" },
  ],
  edge: [
    catalog,
    { binding: "MANIFEST", kind: "service", of: "manifest" },
    revocations,
    streams,
    { ...metrics, of: "manifest", optional: uncounted },
  ],
  manifest: [
    catalog,
    { binding: "PLAYLISTS", kind: "object", className: "PlaylistObject" },
    { ...metrics, optional: uncounted },
  ],
  identity: [
    { binding: "DB", kind: "d1" },
    { ...revocations, of: "edge" },
    { binding: "REFRESHES", kind: "object", className: "RefreshObject" },
    { ...metrics, of: "manifest", optional: uncounted },
  ],
};
