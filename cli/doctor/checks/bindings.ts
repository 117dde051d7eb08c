import type { WorkerConfig, WorkerKind } from "../../lib/worker-files.ts";
import { type Facts, workerOf } from "../facts.ts";
import { type Check, type Finding, fault, warning } from "../finding.ts";

/** Whether each worker has the bindings that it needs, and whether they belong to its environment. */
export const bindingsCheck: Check<Facts> = {
  name: "bindings",
  passed: "each worker has its bindings, and they belong to its environment",
  run: (facts) => [
    ...facts.workers.flatMap((worker) =>
      neededBindings[worker.worker].flatMap((needed) => bindingFindings(worker, needed, facts)),
    ),
    ...differenceFindings(facts),
    ...sharedStoreFindings(facts),
  ],
};

interface Bound {
  readonly binding: string;
  readonly kind: NeededBinding["kind"];
  readonly className?: string;
  readonly script?: string;
}

function bindingsOf({ kv, databases, services, objects }: WorkerConfig): Bound[] {
  return [
    ...kv.map(({ binding }) => ({ binding, kind: "kv" as const })),
    ...databases.map(({ binding }) => ({ binding, kind: "d1" as const })),
    ...services.map(({ binding, script }) => ({ binding, kind: "service" as const, script })),
    ...objects.map((object) => ({ ...object, kind: "object" as const })),
  ];
}

function bindingFindings(worker: WorkerConfig, needed: NeededBinding, facts: Facts): Finding[] {
  const bindings = bindingsOf(worker);
  const bound = bindings.find(({ binding }) => binding === needed.binding);
  if (bound === undefined) return missingFindings(worker, needed, bindings);
  const { file } = worker;
  const about = `${file}: ${needed.binding}`;
  if (bound.kind !== needed.kind || (needed.kind === "object" && bound.className !== needed.className))
    return [
      fault(
        "binding_misnamed",
        about,
        `It is bound to ${nameOf(bound)}, and the worker expects ${nameOf(needed)} under this name.`,
        `Bind ${nameOf(needed)} as ${needed.binding}, as in the original file.`,
      ),
    ];
  if (needed.kind !== "object" && needed.kind !== "service") return [];
  const own = needed.of === undefined || needed.of === worker.worker;
  const expected = own ? worker.name : workerOf(facts, needed.of)?.name;
  const script = bound.script ?? worker.name;
  if (expected === undefined || script === expected) return [];
  const field = needed.kind === "service" ? "service" : "script_name";
  return [
    fault(
      "binding_elsewhere",
      about,
      `It leads to ${script}, and the ${needed.of ?? worker.worker} worker of ${facts.environment} is ${expected}: this worker would read and write another deployment's data.`,
      own ? `Remove ${field}.` : `Set ${field} = "${expected}".`,
    ),
  ];
}

function missingFindings({ worker, file }: WorkerConfig, needed: NeededBinding, bindings: readonly Bound[]): Finding[] {
  // A project with its own identity provider binds no identity worker on purpose.
  if (needed.kind === "service" && needed.optional !== undefined) return [];
  const known = new Set(neededBindings[worker].map(({ binding }) => binding));
  const misnamed = bindings.find(
    ({ binding, kind, className }) =>
      !known.has(binding) && kind === needed.kind && (needed.kind !== "object" || className === needed.className),
  );
  const about = `${file}: ${needed.binding}`;
  if (misnamed !== undefined)
    return [
      fault(
        "binding_misnamed",
        about,
        `${nameOf(needed)} is bound as ${misnamed.binding}, and the worker expects it as ${needed.binding}.`,
        `Rename the binding to ${needed.binding}.`,
      ),
    ];
  return [
    (needed.optional === undefined ? fault : warning)(
      "binding_missing",
      about,
      `The worker has no binding of this name, so ${needed.optional ?? "it answers every request with 500 configuration_invalid"}.`,
      `Bind ${nameOf(needed)} as ${needed.binding}. Bindings are not inherited: each [env.…] needs its own.`,
    ),
  ];
}

function nameOf({ kind, className }: Pick<Bound, "kind" | "className">): string {
  if (kind === "object") return `the Durable Object ${className}`;
  return { kv: "a KV namespace", d1: "a D1 database", service: "a service" }[kind];
}

/** Bindings that must be the same for several workers. */
function differenceFindings({ workers }: Facts): Finding[] {
  const stores = workers.flatMap(({ file, kv, buckets }) => [...kv, ...buckets].map((store) => ({ ...store, file })));
  const names = [...new Set(stores.map(({ binding }) => binding))];
  return names.flatMap((name) => {
    const named = stores.filter(({ binding }) => binding === name);
    if (new Set(named.map(({ id }) => id)).size < 2) return [];
    const listed = named.map(({ id, file }) => `${id} in ${file}`).join(", ");
    const consequence =
      name === "CATALOG"
        ? "an asset that one worker knows is unknown to another"
        : "the playlist comes from one bucket and its segments from another";
    return [fault("binding_differs", name, `It is ${listed}: ${consequence}.`, "Give all of them the same value.")];
  });
}

/** Stores that two environments share. */
function sharedStoreFindings({ workers, elsewhere, development }: Facts): Finding[] {
  if (development) return [];
  const storesOf = ({ kv, buckets, databases }: WorkerConfig) => [...kv, ...databases, ...buckets];
  const seen = new Set<string>();
  return workers.flatMap((worker) =>
    storesOf(worker).flatMap(({ binding, id }) => {
      const other = elsewhere.find(
        ({ worker: config }) => config.worker === worker.worker && storesOf(config).some((store) => store.id === id),
      );
      if (other === undefined || seen.has(id)) return [];
      seen.add(id);
      return [
        fault(
          "binding_shared",
          `${worker.file}: ${binding}`,
          `It is ${id}, which ${other.environment} uses too: tests there change the data of viewers here.`,
          "Create one for each environment, and use its id.",
        ),
      ];
    }),
  );
}

/** A binding that a worker requires, or uses if it is there: `optional` is the consequence without it. */
interface NeededBinding {
  readonly binding: string;
  readonly kind: "kv" | "d1" | "service" | "object";
  /** The class of a Durable Object. */
  readonly className?: string;
  /** The worker that it leads to, if that is another one. */
  readonly of?: WorkerKind;
  readonly optional?:
    | "no viewer can sign in with the identity worker"
    | "no store of a CloudFront Function is kept in step"
    | "this worker's requests are not counted";
}

const metrics = { binding: "METRICS_STORE", kind: "object", className: "MetricsStore" } as const;
const uncounted = "this worker's requests are not counted";
const revocations = { binding: "REVOCATION_LOG", kind: "object", className: "RevocationLog" } as const;
const streams = { binding: "SUBJECT_LEASES", kind: "object", className: "SubjectLeases" } as const;
const catalog = { binding: "CATALOG", kind: "kv" } as const;

/** The bindings in each worker's `Env`, except buckets, which the catalog names. A test compares them with workers/<name>/index.ts. */
export const neededBindings: Readonly<Record<WorkerKind, readonly NeededBinding[]>> = {
  api: [
    catalog,
    { ...revocations, of: "edge" },
    { ...streams, of: "edge" },
    { binding: "DPOP_PROOFS", kind: "object", className: "DpopProofs" },
    { binding: "RATE_LIMIT_COUNTER", kind: "object", className: "RateLimitCounter" },
    { ...metrics, of: "manifest" },
    { binding: "CATALOG_EDITOR", kind: "object", className: "CatalogEditor" },
    {
      binding: "CLOUDFRONT_STORE",
      kind: "object",
      className: "CloudFrontStore",
      optional: "no store of a CloudFront Function is kept in step",
    },
    {
      binding: "IDENTITY",
      kind: "service",
      of: "identity",
      optional: "no viewer can sign in with the identity worker",
    },
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
    { binding: "SHARED_PLAYLIST", kind: "object", className: "SharedPlaylist" },
    { ...metrics, optional: uncounted },
  ],
  identity: [
    { binding: "DB", kind: "d1" },
    { ...revocations, of: "edge" },
    { binding: "REFRESH_TURNS", kind: "object", className: "RefreshTurns" },
    { ...metrics, of: "manifest", optional: uncounted },
  ],
};
