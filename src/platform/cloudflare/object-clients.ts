import * as z from "zod";
import type { ProofReplay } from "../../auth/credential.ts";
import type { QuotaStatus, RateLimits, RatePolicy } from "../../auth/rate-limit.ts";
import type { Refusal } from "../../base/result.ts";
import { systemClock, type UnixSeconds } from "../../base/time.ts";
import { catalogFaultSchema } from "../../catalog/catalog-fault.ts";
import { defaultMaxAge, keepCatalog } from "../../catalog/catalog-source.ts";
import type { CatalogEditing } from "../../catalog/edit-catalog.ts";
import { historySchema } from "../../metrics/day-history.ts";
import { actionSchema, eventsSchema } from "../../metrics/event-log.ts";
import type { Gathered } from "../../metrics/gathered.ts";
import {
  countsSchema,
  groupsSchema,
  refusalsOfHourSchema,
  sessionsNowSchema,
  viewerSessionsSchema,
} from "../../metrics/report-schemas.ts";

/** The part of a `DurableObjectNamespace<MetricsStore>` that is used here. */
export interface MetricsStoreNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): MetricsStub;
}

interface MetricsStub {
  report(report: unknown): Promise<unknown>;
  counts(): Promise<unknown>;
  sessions(query: unknown): Promise<unknown>;
  refusals(): Promise<unknown>;
  groups(by: unknown): Promise<unknown>;
  ofViewer(subjects: unknown): Promise<unknown>;
  history(): Promise<unknown>;
  events(after: string | undefined, limit: number): Promise<unknown>;
  actions(): Promise<unknown>;
}

/** The counts of all isolates, from the one MetricsStore. Each method rejects if its answer is missing or invalid. */
export function gatheredBy<Id>(objects: MetricsStoreNamespace<Id>): Gathered {
  // A new stub each time, since a failed one may keep failing.
  const object = () => objects.get(objects.idFromName("metrics"));
  return {
    report: async (report) => {
      await object().report(report);
    },
    counts: async () => countsSchema.parse(await object().counts()),
    sessions: async (query) => sessionsNowSchema.parse(await object().sessions(query)),
    refusals: async () => refusalsOfHourSchema.parse(await object().refusals()),
    groups: async (by) => groupsSchema.parse(await object().groups(by)),
    ofViewer: async (subjects) => viewerSessionsSchema.parse(await object().ofViewer(subjects)),
    history: async () => historySchema.parse(await object().history()),
    events: async (after, limit) => eventsSchema.parse(await object().events(after, limit)),
    actions: async () => actionSchema.array().parse(await object().actions()),
  };
}

/** The part of a DurableObjectNamespace of DpopProofs that is used here. */
export interface DpopProofsNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { firstUse(jti: string, until: UnixSeconds): Promise<boolean> };
}

/** DPoP proofs in Durable Objects: one DpopProofs per key, so that each proof is checked in one place. */
export function proofReplay<Id>(objects: DpopProofsNamespace<Id>): ProofReplay {
  return { firstUse: async (jkt, jti, until) => objects.get(objects.idFromName(jkt)).firstUse(jti, until) };
}

/** The part of a DurableObjectNamespace of RateLimitCounter that is used here. */
export interface RateLimitNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { take(policy: RatePolicy, now: UnixSeconds): Promise<QuotaStatus> };
}

/** Rate limits in Durable Objects: one RateLimitCounter per policy and name. */
export function rateLimits<Id>(namespace: RateLimitNamespace<Id>): RateLimits {
  return {
    take: async (policy, name, now) => namespace.get(namespace.idFromName(`${policy.name} ${name}`)).take(policy, now),
  };
}

/** The part of a KVNamespace that is used here. */
export interface TextStore {
  get(key: string, options: { readonly type: "text"; readonly cacheTtl: number }): Promise<string | null>;
}

/**
 * Loads the catalog from KV: the JSON text under the key `catalog`. KV caches it near the reader for `cacheTtl` seconds
 * (60 is the minimum that every plan accepts), so a change is visible everywhere within about two minutes.
 */
export function kvCatalog(store: TextStore, cacheTtl = 60): () => Promise<string | undefined> {
  return async () => (await store.get("catalog", { type: "text", cacheTtl })) ?? undefined;
}

/** A worker's copy of the catalog in KV: see {@link keepCatalog}. */
export function kvCatalogSource(store: TextStore, development: boolean, onRefusal: (refusal: Refusal) => void) {
  return keepCatalog({ load: kvCatalog(store), clock: systemClock, maxAge: defaultMaxAge(development), onRefusal });
}

/** The part of a `DurableObjectNamespace<CatalogEditor>` that is used here. */
export interface CatalogEditorNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): {
    read(): Promise<unknown>;
    put(id: string, asset: string, replace: boolean): Promise<unknown>;
    set(id: string, members: string): Promise<unknown>;
    remove(id: string): Promise<unknown>;
  };
}

const unavailableSchema = z.object({ code: z.literal("store_unavailable"), reason: z.string() });
const putRefusalSchema = z.discriminatedUnion("code", [
  z.object({ code: z.literal("asset_invalid"), reason: z.string(), faults: z.array(z.string()) }),
  unavailableSchema,
]);
const unknownSchema = z.object({ code: z.literal("asset_unknown"), reason: z.string() });
const resultOf = <Value, Reason>(value: z.ZodType<Value>, refusal: z.ZodType<Reason>) =>
  z.discriminatedUnion("ok", [z.object({ ok: z.literal(false), refusal }), z.object({ ok: z.literal(true), value })]);

const storedSchema = resultOf(
  z.object({ assets: z.array(z.unknown()), faults: z.array(catalogFaultSchema) }),
  unavailableSchema,
);
const changeSchema = z.object({
  asset: z.unknown(),
  was: z.enum(["added", "replaced", "removed", "unchanged"]),
  faults: z.array(z.string()),
});
const putSchema = resultOf(changeSchema, putRefusalSchema);
const editSchema = resultOf(changeSchema, z.discriminatedUnion("code", [putRefusalSchema, unknownSchema]));

/**
 * Catalog changes through the one CatalogEditor, whose object has this `name`. Each method rejects if its answer is
 * missing or invalid.
 */
export function catalogEditing<Id>(objects: CatalogEditorNamespace<Id>, name = "catalog"): CatalogEditing {
  // A new stub each time, since a failed one may keep failing.
  const object = () => objects.get(objects.idFromName(name));
  return {
    read: async () => storedSchema.parse(await object().read()),
    put: async (id, asset, replace = true) => putSchema.parse(await object().put(id, JSON.stringify(asset), replace)),
    set: async (id, members) => editSchema.parse(await object().set(id, JSON.stringify(members))),
    remove: async (id) => editSchema.parse(await object().remove(id)),
  };
}
