import { refusal } from "../../src/base/result.ts";
import type { FunctionRefusal, FunctionResponses, FunctionSettings } from "../../src/cloudfront/function-types.ts";
import { mediaPreflight, withCors } from "../../src/http/cors.ts";
import { problemResponse } from "../../src/http/problem-response.ts";
import { wholeScript } from "./edge-script.ts";

/** Every code of the function, so that the compiler finds one that is missing. */
const codes: { readonly [code in FunctionRefusal]: true } = {
  path_invalid: true,
  signature_missing: true,
  signature_invalid: true,
  signature_expired: true,
  grant_invalid: true,
  grant_expired: true,
  key_unknown: true,
  path_not_covered: true,
  binding_mismatch: true,
  asset_unknown: true,
  uri_foreign: true,
  method_not_covered: true,
  session_revoked: true,
  stream_taken: true,
  session_shared: true,
  store_unavailable: true,
};

/** Headers that only some responses have, and those that a renewal or a refusal of the function sends to pages. */
const ownHeaders = ["content-type", "stagedoor-refusal", "allow", "retry-after"];
const exposed = ["Location", "Retry-After", "Stagedoor-Refusal"];

/**
 * Compiles the CloudFront Function. The settings of a deployment are not in it yet, but their names, such as
 * `settings_issuer`, so that an installed package without a compiler can fill them in.
 */
export async function functionTemplate(
  storeFailure: FunctionSettings["storeFailure"],
  openSettings: readonly (keyof FunctionSettings)[],
): Promise<string> {
  const script = await wholeScript("src/cloudfront/viewer-request.ts", "handler", {
    ...Object.fromEntries(openSettings.map((name) => [`settings.${name}`, { name: `settings_${name}` }])),
    "settings.storeFailure": { value: storeFailure },
    ...Object.fromEntries(Object.entries(responses()).map(([name, value]) => [`responses.${name}`, { value }])),
  });
  return `import cf from"cloudfront";import crypto from"crypto";${script}`;
}

/** The core's own responses, so that statuses and headers are written once. */
function responses(): FunctionResponses {
  const refused = Object.keys(codes)
    .filter((code): code is FunctionRefusal => Object.hasOwn(codes, code))
    .map((code) => ({ code, response: withCors(problemResponse(refusal(code, "").refusal)) }));
  const common = [...(refused[0]?.response.headers ?? [])].filter(([name]) => !ownHeaders.includes(name));
  const preflight = [...mediaPreflight(new Headers()).headers].filter(
    ([name]) => name !== "access-control-allow-headers" && !common.some(([other]) => other === name),
  );
  const special = refused.flatMap(({ code, response: { status, headers } }) => {
    const own = ["allow", "retry-after"].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [name, value];
    });
    return status === 403 ? [] : [[code, [String(status), ...own]] as const];
  });
  return {
    headers: common.flatMap(([name, value]) => [
      name,
      name === "access-control-expose-headers"
        ? listed(value)
            .filter((each) => exposed.includes(each))
            .join(", ")
        : value,
    ]),
    preflight: preflight.flat(),
    refusals: Object.fromEntries(special),
  };
}

function listed(value: string): readonly string[] {
  return value.split(",").map((each) => each.trim());
}
