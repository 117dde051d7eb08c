/** The ids of all findings. docs/operate/doctor.md describes each id. */
export const findingIds = [
  "not_looked_at",
  // What is deployed, and with which settings
  "wrangler_unreadable",
  "configuration_invalid",
  "secret_in_vars",
  "issuers_missing",
  "settings_differ",
  "hosts_are_one",
  "media_host_trusted",
  "manifest_outlives_session",
  "pause_outlives_session",
  "renewal_off",
  "step_outlasts_pause",
  "lease_too_short",
  "store_open_with_limits",
  "revocations_late",
  "limit_not_on_cloudfront",
  "rates_fight",
  "identity_lifetimes_fight",
  "origin_plain_http",
  "binding_missing",
  "binding_misnamed",
  "binding_elsewhere",
  "binding_differs",
  "binding_shared",
  "placeholder",
  "route_missing",
  "route_elsewhere",
  "worker_open",
  "request_logs",
  "sign_up_open",
  "folder_unreadable",
  "data_unwritable",
  "data_readable",
  "proxies_open",
  // Keys and the catalog
  "ring_invalid",
  "ring_readable",
  "key_twice",
  "halves_apart",
  "dev_key",
  "aws_signer_differs",
  "signer_missing",
  "successor_missing",
  "operator_key_missing",
  "backend_key_missing",
  "backend_key_ends",
  "backend_credentials_end",
  "cloudfront_unbound",
  "asset_key_missing",
  "asset_key_retired",
  "catalog_invalid",
  "catalog_unread",
  "place_untold",
  "rules_not_renewed",
  "bucket_unbound",
  "root_unknown",
  "origin_secret_unlisted",
  "origin_secret_unbound",
  "origin_without_auth",
  "origin_local",
  "cdn_local",
  "edge_secret_missing",
  "store_unnamed",
  "store_unwritten",
  // What runs
  "host_silent",
  "host_strange",
  "hosts_swapped",
  "host_differs",
  "health_unknown",
  "not_ready",
  "clock_off",
  "clock_unknown",
  "plain_http_served",
  "key_not_live",
  "retired_key_live",
  "asset_not_live",
  "key_untested",
  "operator_refused",
  "api_keys_differ",
  "key_revoked",
  "cloudfront_open",
  "cloudfront_key_refused",
  "function_missing",
  "function_failed",
  "function_store_unavailable",
  "function_asset_unknown",
  "function_differs",
  "renewal_broken",
  "viewer_header_trusted",
  "edge_secret_refused",
  "grant_in_cache",
  "origin_silent",
  "origin_refuses_us",
  "origin_entry_missing",
  "origin_file_missing",
  "origin_file_refused",
  "origin_secret_absent",
  "origin_open",
  "origin_unclear",
  "origin_lists",
  "public_bucket_open",
  "media_open",
  "cors_missing",
  "start_refused",
  "stream_broken",
  "answer_cacheable",
  "answer_from_cache",
] as const;
export type FindingId = (typeof findingIds)[number];

/** `fine`: something was not checked, and an option would make doctor check it. */
export type Severity = "fault" | "warning" | "fine";

/** One result of a check. Its texts never contain a token, a grant, a signature or a secret. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** The worker, setting, file, key, asset or host that has the problem. */
  readonly about: string;
  readonly found: string;
  /** What to do about it, as an instruction. */
  readonly do: string;
}

/** One check: a line of the report. */
export interface Check<Facts> {
  readonly name: string;
  /** The text of the report's line if the check finds nothing. */
  readonly passed: string;
  readonly run: (facts: Facts) => readonly Finding[] | Promise<readonly Finding[]>;
}

/** A check and its findings. */
export interface CheckResult {
  readonly name: string;
  readonly passed: string;
  readonly findings: readonly Finding[];
}

type FindingTexts = readonly [about: string, found: string, whatToDo: string];

export function fault(id: FindingId, ...[about, found, whatToDo]: FindingTexts): Finding {
  return { id, severity: "fault", about, found, do: whatToDo };
}

export function warning(id: FindingId, ...[about, found, whatToDo]: FindingTexts): Finding {
  return { id, severity: "warning", about, found, do: whatToDo };
}

export function notChecked(about: string, whatToDo: string): Finding {
  return { id: "not_looked_at", severity: "fine", about, found: "It was not checked.", do: whatToDo };
}

/** Removes duplicates: several responses may show the same problem. */
export function unique(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.id} ${finding.about} ${finding.found}`, finding])).values()];
}
