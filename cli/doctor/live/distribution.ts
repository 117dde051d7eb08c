import type { Asset } from "../../../src/catalog/asset.ts";
import { refusalHeader } from "../../../src/http/problem-response.ts";
import type { KeyRing } from "../../../src/keys/ring.ts";
import { startProgram } from "../../lib/project.ts";
import { type Finding, fault } from "../finding.ts";
import type { Live } from "./live.ts";
import type { ProbeResponse } from "./probe.ts";

/** A distribution of CloudFront whose function checks URLs, and what its checks need. */
export interface Distribution {
  /** Scheme and host. */
  readonly url: string;
  readonly host: string;
  readonly assets: readonly Asset[];
  /** The asset that requests are made for, unless each asset is tried. */
  readonly asset: Asset;
  readonly ring: KeyRing;
  readonly mediaUrl: string;
}

/** What answered a request, by the response. The media host gives each refusal a Request-Id. */
type Answerer = "function" | "media host" | "broken function" | "elsewhere";

/** Who answered. A request that the function passed on is answered elsewhere: by the bucket, or by a behaviour's origin. */
export function answererOf({ headers }: ProbeResponse): Answerer {
  if (/^(Function|Lambda)\w*(Error|Exceeded)/.test(headers.get("X-Cache") ?? "")) return "broken function";
  if (!headers.has(refusalHeader)) return "elsewhere";
  return headers.has("Request-Id") ? "media host" : "function";
}

/** The code of a refusal; empty for any other response. */
export function refusalOf({ headers, code = "" }: ProbeResponse): string {
  return headers.get(refusalHeader) ?? code;
}

/** How the store gets the ring's keys. On this machine the program that emulates it writes them. */
export function syncAdvice({ environment }: Pick<Live, "environment">): string {
  return environment === "development"
    ? `restart \`${startProgram}\``
    : `run \`npx stagedoor cloudfront sync --env ${environment}\``;
}

/** How a distribution gets a function with the deployment's settings. */
export function publishAdvice({ environment }: Pick<Live, "environment">): string {
  return environment === "development"
    ? `restart \`${startProgram}\``
    : `write the function again with \`npx stagedoor cloudfront function --env ${environment}\` and publish it`;
}

/** A function that CloudFront cannot run, or that has no store in step. */
export function brokenFinding(host: string, response: ProbeResponse, live: Live): Finding | undefined {
  const answerer = answererOf(response);
  if (answerer === "broken function")
    return fault(
      "function_failed",
      host,
      `CloudFront could not run the function (${response.status}, X-Cache: ${response.headers.get("X-Cache")}).`,
      `Read its errors in the function's log at CloudWatch, and ${publishAdvice(live)}.`,
    );
  if (answerer !== "function" || response.headers.get(refusalHeader) !== "store_unavailable") return undefined;
  return fault(
    "function_store_unavailable",
    host,
    `The function refuses every request (${response.status} store_unavailable): its KeyValueStore is empty, was not written for too long, or is not associated with the function.`,
    `To bring it in step, ${syncAdvice(live)}. The service does so all the time if stagedoor.config.json names the store. Then check that the function is associated with this store.`,
  );
}

/** A response of a distribution that pages of other sites cannot read. */
export function withoutCors(host: string, response: string, header: string): Finding {
  return fault(
    "cors_missing",
    host,
    `The response to ${response} lacks ${header}: browsers hide it from players, which report a CORS error or a network error.`,
    "Allow GET, HEAD and OPTIONS in every cache behaviour, and give each a response headers policy that allows every origin.",
  );
}
