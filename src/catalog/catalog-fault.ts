import * as z from "zod";
import { adviceOn, fieldText } from "../base/issue-advice.ts";

/** Kinds of catalog faults. The names are stable for scripts. */
export const catalogFaultNames = [
  "not_json",
  "schema",
  "id_duplicate",
  "prefix_unbounded",
  "prefix_overlap",
  "path_not_canonical",
  "origin_url_invalid",
  "origin_secret_unbound",
  "root_unknown",
  "cdn_url_missing",
  "cdn_url_unused",
  "cloudfront_missing",
  "cloudfront_unused",
  "cloudfront_session",
  "cloudfront_binding",
  "cloudfront_anonymous",
  "country_unknown",
  "countries_unclear",
  "origin_invalid",
  "originless_unused",
  "time_invalid",
  "window_empty",
  "enforcement_unbounded",
  "enforcement_unknown",
  "cloudfront_enforcement",
] as const;
export type CatalogFaultName = (typeof catalogFaultNames)[number];

/** A fault: its name, the asset (its id, or `assets[3]` without one) and how to fix it. */
export interface CatalogFault {
  readonly name: CatalogFaultName;
  /** Undefined for a fault of the whole document. */
  readonly asset: string | undefined;
  /** The faulty member, such as `origin.prefix`; empty for the whole asset or document. */
  readonly field: string;
  readonly advice: string;
}

/** A fault, possibly from another version of this service. */
export const catalogFaultSchema: z.ZodType<CatalogFault> = z.object({
  name: z.enum(catalogFaultNames),
  asset: z
    .string()
    .optional()
    .transform((asset) => asset),
  field: z.string(),
  advice: z.string(),
});

const namesOfChecks: ReadonlySet<string> = new Set<CatalogFaultName>([
  "prefix_unbounded",
  "path_not_canonical",
  "origin_url_invalid",
  "country_unknown",
  "countries_unclear",
  "origin_invalid",
  "time_invalid",
  "window_empty",
  "enforcement_unbounded",
]);

/** A fault in one line, for logs and terminals. */
export function describeFault({ name, asset, field, advice }: CatalogFault): string {
  const place = [asset, field].filter((part) => part !== undefined && part !== "").join(": ");
  return `${name}: ${place === "" ? "" : `${place}: `}${advice}`;
}

/** Converts zod's issues with a document to faults. No value of the document is quoted: it may be a secret in the wrong place. */
export function faultsOfIssues(
  issues: readonly z.core.$ZodIssue[],
  asset: string | undefined,
  document: unknown,
): readonly CatalogFault[] {
  return issues.map((issue) => ({
    name: nameOf(issue),
    asset,
    field: fieldText(issue.path),
    advice: adviceOn(issue, document),
  }));
}

function nameOf(issue: z.core.$ZodIssue): CatalogFaultName {
  const given: unknown = issue.code === "custom" ? issue.params?.fault : undefined;
  return isCheckName(given) ? given : "schema";
}

function isCheckName(name: unknown): name is CatalogFaultName {
  return typeof name === "string" && namesOfChecks.has(name);
}
