import type * as z from "zod";
import { type OperatorScope, operatorIssuer } from "../../src/auth/operator-token.ts";
import { isLocalUrl } from "../../src/base/origins.ts";
import { type Seconds, seconds } from "../../src/base/time.ts";
import type { OperatorKey } from "../../src/keys/key.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { type Args, endFailed, endMisused, mayBeToken, shownWord } from "./command.ts";
import { readRing, readTextOrInput, ringOption } from "./files.ts";
import { startProgram } from "./project.ts";
import { credentialKeyOf, type SignedCredential, signCredential } from "./ring-credential.ts";

/** The options of every command that calls the operators' API. */
export const operatorApiOptions = { ...ringOption, api: { type: "string" }, bearer: { type: "string" } } as const;

export const localApi = "http://localhost:8787";

/** The help text of {@link operatorApiOptions}. */
export function operatorApiHelp(scope: string): string {
  return `  --api <url>      the API, with its base path (${localApi})
  --bearer <file>  an operator's credential with the scope ${scope}
                   (npx stagedoor operator new); - reads it from standard input.
                   For a local API the ring's own operator key signs one
  --ring <file>    the key ring with that key (.stagedoor/keys.json of the project)`;
}

/** The API's URL, and an operator's credential. */
export interface OperatorApi {
  readonly api: string;
  readonly bearer: string;
}

/** The API of --api, and the credential of --bearer. For a local API the ring's own operator key signs one. */
export async function operatorApiOf(args: Args, scope: OperatorScope): Promise<OperatorApi> {
  const api = readUrl("api", args.value("api") ?? localApi);
  return { api, bearer: await readBearer(args, api, scope) };
}

/** The API's response. The message describes a refusal. */
export type ApiResponse =
  | { readonly ok: true; readonly body: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string; readonly body: Readonly<Record<string, unknown>> };

/** Calls a route below the API's base path, optionally with a JSON body. */
export async function callApi(
  { api, bearer }: OperatorApi,
  method: string,
  path: string,
  requestBody?: object,
): Promise<ApiResponse> {
  const headers = { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" };
  const init = { method, headers, ...(requestBody === undefined ? {} : { body: JSON.stringify(requestBody) }) };
  const response = await fetch(api + path, init).catch(() =>
    endFailed(`${api} does not answer. Check --api; \`${startProgram}\` starts an API on this machine.`),
  );
  const body: Readonly<Record<string, unknown>> = Object(await response.json().catch(() => undefined));
  if (response.ok) return { ok: true, body };
  return { ok: false, message: refusalMessage(response.status, body), body };
}

/** A refusal with its errors, one a line, or with its advice if it has no list of errors. */
function refusalMessage(status: number, { code, title, detail, faults }: ApiResponse["body"]): string {
  if (code === undefined)
    return `${status}: the response is not one of Stagedoor's API. Check --api: it includes the base path.`;
  if (Array.isArray(faults) && faults.length > 0) return [`${status} ${code}: ${title}.`, ...faults].join("\n  ");
  return `${status} ${code}: ${detail ?? title}`;
}

/** Reads a route. A refusal or an unexpected response ends the command. */
export async function readFromApi<Body>(api: OperatorApi, path: string, schema: z.ZodType<Body>): Promise<Body> {
  const response = await callApi(api, "GET", path);
  if (!response.ok) return endFailed(response.message);
  return parseResponse(api, path, response.body, schema);
}

/** Parses the body of a response. An unexpected one ends the command. */
export function parseResponse<Body>({ api }: OperatorApi, path: string, body: unknown, schema: z.ZodType<Body>): Body {
  const parsed = schema.safeParse(body);
  return parsed.success
    ? parsed.data
    : endFailed(`${api}${path} returned an unexpected response: does the API have the same version as this command?`);
}

/** The URL in an option: of the API, with its base path, or of another host. A password or a query is not repeated. */
export function readUrl(option: string, text: string): string {
  if (isBareUrl(text)) return text;
  const trimmed = text.replace(/\/+$/, "");
  const scheme = /^(localhost|127\.|\[::1\])/.test(trimmed) ? "http" : "https";
  const candidate = trimmed.includes("://") ? trimmed : `${scheme}://${trimmed}`;
  const meant = isBareUrl(candidate) && !mayBeToken(text) ? candidate : undefined;
  const found = /[@?]/.test(text) ? "a URL with a user name or a query" : shownWord(text);
  return endMisused(
    `--${option} must be a URL with http:// or https:// and without a slash at its end, such as https://${option}.example.com, not ${found}.${meant === undefined ? "" : ` Did you mean --${option} ${meant}?`}`,
  );
}

function isBareUrl(text: string): boolean {
  if (!/^https?:\/\/[^/?#]/.test(text) || !URL.canParse(text) || /[?#]|\/$/.test(text)) return false;
  const { username, password } = new URL(text);
  return username + password === "";
}

async function readBearer(args: Args, api: string, scope: OperatorScope): Promise<string> {
  const file = args.value("bearer");
  if (file !== undefined) return readTextOrInput(file, "the operator's credential").trim();
  if (!isLocalUrl(api))
    return endMisused(
      `--bearer is missing: give an operator's credential with the scope ${scope} (\`npx stagedoor operator new\` makes one).`,
    );
  const key = operatorSigningKey(await readRing(args));
  if (key === undefined)
    return endFailed(
      `The key ring has no operator key that signs now. Omit --ring to use the keys of \`${startProgram}\`.`,
    );
  return (await signOperatorToken(key, { name: "local", scopes: [scope], lifetime: seconds(60) })).token;
}

export interface OperatorClaims {
  /** The operator's name: `sub`. */
  readonly name: string;
  readonly scopes: readonly OperatorScope[];
  readonly lifetime: Seconds;
}

/** The key that signs operators' credentials now; undefined if the ring has no private half of one. */
export function operatorSigningKey(ring: KeyRing): OperatorKey | undefined {
  const key = credentialKeyOf(ring, "operator");
  return key?.purpose === "operator" ? key : undefined;
}

/** Signs an operator's credential: a JWT (ES256) with an issuer and audience that are only for operators. */
export function signOperatorToken(
  key: OperatorKey,
  { name, scopes, lifetime }: OperatorClaims,
): Promise<SignedCredential> {
  return signCredential(key, { issuer: operatorIssuer, name, scope: scopes.join(" "), lifetime });
}
