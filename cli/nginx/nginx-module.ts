import type { Refusal } from "../../src/base/result.ts";
import { systemClock } from "../../src/base/time.ts";
import type { Configuration } from "../../src/config/configuration.ts";
import { admissionSecrets } from "../../src/edge/answer-admission.ts";
import { withInert } from "../../src/edge/answer-media.ts";
import type { EdgeRefusal } from "../../src/edge/serve-request.ts";
import { strictTransport, withCors } from "../../src/http/cors.ts";
import { problemResponse } from "../../src/http/problem-response.ts";
import { keysFor, signingKey } from "../../src/keys/ring.ts";
import { originHeaders } from "../../src/origin/origin.ts";
import type { NginxProblem } from "../../src/verifier/nginx-edge.ts";
import { verifierKeys } from "../../src/verifier/verifier-keys.ts";
import type { VerifierRefusal } from "../../src/verifier/verifier-types.ts";
import { scriptOf } from "../lib/project.ts";

/** The files of the module, in the folder of the configuration. */
export const moduleFile = "stagedoor.js";
export const keysFile = "stagedoor-keys.js";

type EdgeCode = EdgeRefusal["code"] | VerifierRefusal | "method_not_covered" | "https_required";

/** Every code that nginx finds itself or reads in an answer about an admission. */
const edgeCodes: Readonly<Record<EdgeCode, true>> = {
  address_not_covered: true,
  asset_no_longer_available: true,
  asset_not_yet_available: true,
  asset_unknown: true,
  binding_mismatch: true,
  configuration_invalid: true,
  country_forbidden: true,
  file_forbidden: true,
  grant_expired: true,
  grant_invalid: true,
  https_required: true,
  internal_error: true,
  key_unknown: true,
  method_not_covered: true,
  object_unknown: true,
  origin_failed: true,
  origin_forbidden: true,
  origin_slow: true,
  path_invalid: true,
  path_not_covered: true,
  place_forbidden: true,
  place_not_allowed: true,
  player_refused: true,
  playlist_invalid: true,
  playlist_too_large: true,
  range_not_satisfiable: true,
  session_revoked: true,
  session_shared: true,
  signature_expired: true,
  signature_invalid: true,
  signature_missing: true,
  signature_not_yet_valid: true,
  store_unavailable: true,
  stream_taken: true,
  uri_foreign: true,
};

/** The refusals that nginx answers: the responses of the other edges, by their own functions. */
async function edgeProblems(): Promise<Readonly<Record<string, NginxProblem>>> {
  const codes = Object.keys(edgeCodes).filter(isEdgeCode);
  const problems = codes.map(async (code) => {
    const response = problemResponse(refusalWith(code));
    // nginx knows the size of the file, and sets the header itself.
    response.headers.delete("Content-Range");
    return [code, { status: response.status, headers: headersOf(response), body: await response.text() }] as const;
  });
  return Object.fromEntries(await Promise.all(problems));
}

/** A refusal of a code, whose response is the same for every request. */
function refusalWith(code: EdgeCode): Refusal {
  if (code === "range_not_satisfiable") return { code, reason: "", size: 0 };
  return code === "place_forbidden" || code === "place_not_allowed"
    ? { code, reason: "", unknown: [] }
    : { code, reason: "" };
}

function isEdgeCode(text: string): text is EdgeCode {
  return Object.hasOwn(edgeCodes, text);
}

/** The headers of every response of the media host, as the other edges set them. */
export function edgeHeaders(mediaUrl: string): readonly (readonly [string, string])[] {
  const response = withInert(withCors(new Response(null, { headers: { "Referrer-Policy": "no-referrer" } })));
  const strict = strictTransport(`${mediaUrl}/`);
  if (strict !== undefined) response.headers.set("Strict-Transport-Security", strict);
  return headersOf(response);
}

/** `Content-Type`, where Headers has `content-type`. */
function headersOf({ headers }: Response): readonly (readonly [string, string])[] {
  return [...headers].map(([name, value]) => [name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()), value]);
}

/** The module that nginx imports. It has no secret. */
export async function edgeModule(configuration: Configuration): Promise<string> {
  const { grantIssuer, renewal, pauseAllowance, expiryStep, mediaUrl } = configuration;
  const settings = {
    issuer: grantIssuer,
    ...(renewal === "redirect" ? { renewal: { lifetime: pauseAllowance, step: expiryStep } } : {}),
  };
  const problems = JSON.stringify(await edgeProblems(), null, 2);
  return `import crypto from "crypto";
import keyring from "${keysFile}";
${await edgeCode()}
const settings = ${JSON.stringify(settings)};
settings.keys = keyring.keys;
const problems = () => (${problems});
const headers = () => (${JSON.stringify(edgeHeaders(mediaUrl), null, 2)});
const originHeaders = () => ${JSON.stringify([...originHeaders, "Content-Encoding"].map((name) => name.toLowerCase()))};
const secure = ${mediaUrl.startsWith("https:")};
const edge = nginxEdge({ settings, secure, problems, headers, originHeaders }, crypto, Buffer);
edge.secret = (r) => keyring.secrets[r.variables.stagedoor_kid] || "";
export default edge;
`;
}

/**
 * The keys that verify, and each one's secret. A question has the secret of its session's key, so that while nginx and the service
 * have different rings, only the sessions of keys that one of them lacks are refused.
 */
export async function edgeKeys({ ring }: Configuration): Promise<string | undefined> {
  if (signingKey(keysFor(ring, "session"), systemClock()) === undefined) return undefined;
  const secrets = Object.fromEntries(await admissionSecrets(ring));
  return `export default ${JSON.stringify({ secrets, keys: await verifierKeys(ring) })};\n`;
}

/** The compiled verifier and its handlers. */
function edgeCode(): Promise<string> {
  return scriptOf("nginx-edge.js", async () => {
    const { edgeScript } = await import("../lib/edge-script.ts");
    return edgeScript("src/verifier/nginx-edge.ts", "nginxEdge");
  });
}
