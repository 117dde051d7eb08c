import { createHash, randomBytes } from "node:crypto";
import * as z from "zod";
import { mediaPlaceOf } from "../../src/base/alias.ts";
import { encodeBase64url } from "../../src/base/encoding.ts";
import type { MediaPurpose } from "../../src/base/media-purpose.ts";
import { after, seconds, type UnixSeconds, unixSeconds } from "../../src/base/time.ts";
import type { FunctionRefusal } from "../../src/cloudfront/function-types.ts";
import { problemFor } from "../../src/http/problems.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { type GrantClaims, mintGrant } from "../../src/signing/grant.ts";
import { signedQuery } from "../../src/signing/media-url.ts";
import { macFor, type PreparedSessionKey, prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { eventOf } from "./emulator.ts";

/** An asset that no catalog should have: the grants of the cases open it and nothing else. */
export const testAsset = "stagedoor-function-test";

/** How long the cases can be tried: the life of their grants. */
export const caseLife = seconds(86_400);

/** The viewer of every case. */
const viewer = { address: "192.0.2.7", userAgent: "Player/1.0", country: "DE" };

/** What the function has to do with a request, as the file of cases has it. */
export const caseOutcomeSchema = z.discriminatedUnion("does", [
  z.object({ does: z.literal("refuse"), status: z.number(), code: z.string() }),
  z.object({ does: z.literal("answer a preflight") }),
  z.object({ does: z.literal("ask the bucket"), uri: z.string(), query: z.string() }),
  z.object({ does: z.literal("ask the media host"), uri: z.string(), viewer: z.string() }),
  z.object({ does: z.literal("redirect to a fresh URL"), path: z.string(), notBefore: z.number() }),
]);
export type CaseOutcome = z.infer<typeof caseOutcomeSchema>;

export interface FunctionCase {
  /** The name of its files: lower case and hyphens. */
  readonly name: string;
  readonly about: string;
  readonly method: string;
  readonly target: string;
  readonly outcome: CaseOutcome;
}

interface CaseSettings {
  readonly issuer: string;
  /** Whether the function renews expired segments. */
  readonly renews: boolean;
  readonly now: UnixSeconds;
}

interface Parts {
  readonly purpose?: MediaPurpose;
  readonly path?: string;
  readonly query?: string;
  readonly expiry?: UnixSeconds;
  readonly claims?: Partial<GrantClaims>;
  readonly signer?: PreparedSessionKey;
}

/** Requests to a deployment's function with the key that signs for it: authentic ones, and each kind of fault once. */
export async function functionCases(
  key: PreparedSessionKey,
  { issuer, renews, now }: CaseSettings,
): Promise<readonly FunctionCase[]> {
  const valid = after(now, caseLife);
  const past = unixSeconds(now - 300);
  const stranger = await strangerKey();
  const sessionId = encodeBase64url(randomBytes(16));
  const sign = ({
    purpose = "segment",
    path = "0.ts",
    query = "",
    expiry = valid,
    claims = {},
    signer = key,
  }: Parts) => {
    const grant = mintGrant(
      {
        ...{ issuer, subject: encodeBase64url(randomBytes(16)), sessionId, prefix: `/${testAsset}/` },
        ...{ issuedAt: past, expiresAt: valid, ...(purpose === "file" && { use: "files" as const }), ...claims },
      },
      signer,
    );
    const whole = `/${testAsset}/${path}`;
    const isBound = purpose === "playlist" || purpose === "file";
    const mac = macFor(signer, purpose, isBound ? grant : undefined);
    return `/${grant}${whole}?${signedQuery(mac, purpose, { path: whole, query, expiry })}`;
  };

  const segment = sign({});
  const [path = "", parameter = ""] = segment.split("?");
  const alias = mediaPlaceOf({ path: "a;v=1//0.ts", query: "" });
  if (!alias.ok) throw new TypeError("a path without an alias");
  const expired = sign({ expiry: past });
  const cached = (uri: string, query = ""): CaseOutcome => ({
    does: "ask the bucket",
    uri: `/${testAsset}/${uri}`,
    query,
  });
  const forwarded = (target: string): CaseOutcome => ({
    does: "ask the media host",
    uri: target.split("?")[0] ?? "",
    viewer: `${viewer.address} ${viewer.country}`,
  });
  const refused = (code: FunctionRefusal): CaseOutcome => ({ does: "refuse", status: problemFor(code).status, code });
  const renewed: CaseOutcome = renews
    ? { does: "redirect to a fresh URL", path: "./0.ts", notBefore: now }
    : refused("signature_expired");
  const playlist = sign({ purpose: "playlist", path: "index.m3u8" });
  const keyFile = sign({ purpose: "key", path: "k.bin" });
  const file = sign({ purpose: "file", path: "poster.jpg" });
  const network = (last: number) => ({ family: 4, bits: 24, bytes: Uint8Array.of(192, 0, last, 0) }) as const;
  const agent = (name: string) => createHash("sha256").update(name).digest("base64url");

  const rows: readonly (readonly [
    name: string,
    about: string,
    target: string,
    outcome: CaseOutcome,
    method?: string,
  ])[] = [
    ["segment", "A segment is the plain path for the cache.", segment, cached("0.ts")],
    ["segment-head", "HEAD is like GET.", segment, cached("0.ts"), "HEAD"],
    ["segment-query", "The origin's own query stays.", sign({ query: "v=1" }), cached("0.ts", "v=1")],
    ["segment-alias", "An alias is decoded.", sign({ path: alias.value.path }), cached("a;v=1//0.ts")],
    ["key", "A key is for the media host: no cache keeps it.", keyFile, forwarded(keyFile)],
    [
      "bound-network",
      "A grant that is bound to the viewer's network.",
      sign({ claims: { network: network(2) } }),
      cached("0.ts"),
    ],
    [
      "bound-agent",
      "A grant that is bound to the viewer's User-Agent.",
      sign({ claims: { userAgent: agent(viewer.userAgent) } }),
      cached("0.ts"),
    ],
    ["playlist", "A playlist is for the media host, as it came.", playlist, forwarded(playlist)],
    ["file", "A file that no playlist names is for the media host.", file, forwarded(file)],
    ["segment-expired", "An authentic expired segment gets a fresh signature.", expired, renewed],
    ["preflight", "A preflight needs no signature.", `/${testAsset}/0.ts`, { does: "answer a preflight" }, "OPTIONS"],
    ["post", "Other methods are refused.", segment, refused("method_not_covered"), "POST"],
    ["unsigned", "A plain path.", `/${testAsset}/0.ts`, refused("signature_missing")],
    ["no-parameter", "A grant without a signature.", path, refused("signature_missing")],
    [
      "other-file",
      "The signature of another file.",
      `${path.replace(/0\.ts$/, "1.ts")}?${parameter}`,
      refused("signature_invalid"),
    ],
    [
      "other-purpose",
      "A segment's signature in a playlist's parameter.",
      `${path}?${parameter.replace("seg=", "list=")}`,
      refused("signature_invalid"),
    ],
    [
      "later-expiry",
      "A later expiry than the signed one.",
      segment.replace(`seg=${valid}`, `seg=${valid + 1}`),
      refused("signature_invalid"),
    ],
    [
      "changed-signature",
      "One changed character.",
      changedAt(segment, segment.length - 10),
      refused("signature_invalid"),
    ],
    [
      "changed-grant",
      "One changed character of the grant.",
      changedAt(segment, path.indexOf("/", 1) - 10),
      refused("grant_invalid"),
    ],
    [
      "unknown-key",
      "A grant of a key that the store does not have.",
      sign({ signer: stranger }),
      refused("key_unknown"),
    ],
    [
      "other-issuer",
      "A grant of another issuer.",
      sign({ claims: { issuer: `${issuer}-other` } }),
      refused("grant_invalid"),
    ],
    ["grant-expired", "A session that has ended.", sign({ claims: { expiresAt: past } }), refused("grant_expired")],
    [
      "other-asset",
      "A grant for another asset.",
      sign({ claims: { prefix: `/${testAsset}-2/` } }),
      refused("path_not_covered"),
    ],
    [
      "other-network",
      "A grant that is bound to another network.",
      sign({ claims: { network: network(3) } }),
      refused("binding_mismatch"),
    ],
    [
      "other-agent",
      "A grant that is bound to another User-Agent.",
      sign({ claims: { userAgent: agent("Other/1.0") } }),
      refused("binding_mismatch"),
    ],
    [
      "playlist-expired",
      "Expired playlists are not renewed.",
      sign({ purpose: "playlist", path: "index.m3u8", expiry: past }),
      refused("signature_expired"),
    ],
    ["dot-segment", "An escaped dot segment.", segment.replace("/0.ts?", "/%2e%2e/0.ts?"), refused("path_invalid")],
    ["double-slash", "A second slash.", segment.replace("/0.ts?", "//0.ts?"), refused("path_invalid")],
  ];
  return rows.map(([name, about, target, outcome, method = "GET"]) => ({ name, about, method, target, outcome }));
}

async function strangerKey(): Promise<PreparedSessionKey> {
  const k = encodeBase64url(randomBytes(32));
  const ring = { keys: [{ kid: "stranger", purpose: "session", kty: "oct", alg: "HS256", k }] } as const;
  const [key] = (await prepareSessionKeys(ring, oneShotHmac)).values();
  if (key === undefined) throw new TypeError("a ring without its key");
  return key;
}

function changedAt(text: string, at: number): string {
  return `${text.slice(0, at)}${text.charAt(at) === "A" ? "B" : "A"}${text.slice(at + 1)}`;
}

/** The event of a case, as the API TestFunction reads it. */
export function caseEvent({ method, target }: FunctionCase): object {
  const headers = Object.entries({ Host: "d111111abcdef8.cloudfront.net", "User-Agent": viewer.userAgent });
  const {
    version,
    viewer: from,
    request,
  } = eventOf({ method, target, headers, address: viewer.address }, viewer.country);
  const { rawQueryString: _, ...fields } = request;
  return { version, context: { eventType: "viewer-request" }, viewer: from, request: fields };
}

/** What a result of TestFunction says, and how much of the time that CloudFront allows was used, in per cent. */
export interface CaseJudgement {
  readonly fault: string | undefined;
  readonly utilization: number | undefined;
}

/** Compares the JSON that `aws cloudfront test-function` printed with what the function has to do. */
export function judgeCase(expected: CaseOutcome, printed: unknown): CaseJudgement {
  const { FunctionOutput, FunctionErrorMessage, ComputeUtilization } = Object(Object(printed).TestResult);
  const utilization = /^\d+$/.test(String(ComputeUtilization)) ? Number(ComputeUtilization) : undefined;
  const isError = typeof FunctionErrorMessage === "string" && FunctionErrorMessage !== "";
  const fault = isError
    ? `the function failed: ${FunctionErrorMessage}`
    : typeof FunctionOutput !== "string"
      ? "the file is no result of test-function"
      : faultOf(expected, outputOf(FunctionOutput));
  return { fault, utilization };
}

function outputOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function faultOf(expected: CaseOutcome, output: unknown): string | undefined {
  const { request, response } = Object(output);
  const { statusCode, headers = {} } = Object(response);
  const header = (of: unknown, name: string) => Object(Object(of)[name]).value;
  const differs = (what: string, found: unknown, wanted: unknown) =>
    found === wanted ? undefined : `${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`;
  switch (expected.does) {
    case "refuse":
      return (
        differs("the status", statusCode, expected.status) ??
        differs("Stagedoor-Refusal", header(headers, "stagedoor-refusal"), expected.code)
      );
    case "answer a preflight":
      return differs("the status", statusCode, 204);
    case "ask the bucket":
      return (
        differs("the URI", Object(request).uri, expected.uri) ??
        differs("the query", queryOf(Object(request).querystring), expected.query)
      );
    case "ask the media host":
      return (
        differs("the URI", Object(request).uri, expected.uri) ??
        differs("Stagedoor-Viewer", header(Object(request).headers, "stagedoor-viewer"), expected.viewer)
      );
    case "redirect to a fresh URL": {
      const location = String(header(headers, "location"));
      const [path, expiry] = /^([^?]+)\?seg=(\d+)\.[\w-]{22}$/.exec(location)?.slice(1) ?? [];
      return (
        differs("the status", statusCode, 307) ??
        (path === expected.path && Number(expiry) > expected.notBefore
          ? undefined
          : "Location is no fresh URL of this file")
      );
    }
  }
}

/** The query in an output, as text or by names. */
function queryOf(query: unknown): string {
  if (typeof query === "string") return query;
  return Object.entries(Object(query))
    .map(([name, each]) => `${name}=${Object(each).value}`)
    .join("&");
}
