import { readFileSync } from "node:fs";
import { importJWK, SignJWT } from "jose";
import { type OperatorScope, operatorIssuer } from "../../src/auth/operator-token.ts";
import { isLocalUrl } from "../../src/base/origins.ts";
import { after, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import type { OperatorKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor, signingKey } from "../../src/keys/ring.ts";
import { endFailed, endMisused, type Given } from "./command.ts";
import { readRing, readText, ringOption } from "./files.ts";

/** The options of every command that asks the API as an operator. */
export const operatorApiOptions = { ...ringOption, api: { type: "string" }, bearer: { type: "string" } } as const;

const localApi = "http://localhost:8787";

/** What `--help` says of {@link operatorApiOptions}. */
export function operatorApiHelp(scope: string): string {
  return `  --api <url>      the API, with its base path (${localApi})
  --bearer <file>  an operator's credential with the scope ${scope}, which
                   npx stagedoor operator new makes; - reads it from standard input.
                   The local API takes one of the ring's own operator key, made without it.
  --ring <file>    the key ring with that key`;
}

/** The API's address, and an operator's credential with this scope. */
export interface OperatorApi {
  readonly api: string;
  readonly bearer: string;
}

/** The API that is meant, and the credential; for an API on this machine one is signed with the ring's own key. */
export async function operatorApiOf(given: Given, scope: OperatorScope): Promise<OperatorApi> {
  const api = readApi(given.one("api") ?? localApi);
  return { api, bearer: await readBearer(given, api, scope) };
}

/** What the API answered: the body where it is no refusal, or else what to tell about it. */
export type Asked =
  | { readonly ok: true; readonly answer: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string; readonly answer: Readonly<Record<string, unknown>> };

/** Asks a route below the API's base path, with a body as JSON where there is one. */
export async function askApi(
  { api, bearer }: OperatorApi,
  method: string,
  path: string,
  body?: object,
): Promise<Asked> {
  const url = api + path;
  const headers = { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" };
  const request = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(url, request).catch(() =>
    endFailed(`${api} does not answer. Is the API there? \`npm start\` starts it on this machine.`),
  );
  const answer: Readonly<Record<string, unknown>> = Object(await response.json().catch(() => undefined));
  if (response.ok) return { ok: true, answer };
  const message = `${response.status} ${answer.code ?? ""}: ${answer.detail ?? "the API says no more."}`;
  return { ok: false, message, answer };
}

function readApi(text: string): string {
  const sound = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#]|\/$/.test(text);
  return sound
    ? text
    : endMisused("--api takes the API's address without a slash at its end: https://api.example.com.");
}

async function readBearer(given: Given, api: string, scope: OperatorScope): Promise<string> {
  const file = given.one("bearer");
  if (file !== undefined)
    return (file === "-" ? readFileSync(0, "utf8") : readText(file, "the operator's credential")).trim();
  if (!isLocalUrl(api))
    return endMisused(
      `--bearer is missing: give an operator's credential with the scope ${scope}, which \`npx stagedoor operator new\` makes.`,
    );
  const key = operatorSigningKey(await readRing(given));
  if (key === undefined)
    return endFailed("The key ring holds no operator key that signs. Leave --ring out to use the keys of `npm start`.");
  return (await signOperatorToken(key, { name: "local", scopes: [scope], lifetime: seconds(60) })).token;
}

export interface OperatorClaims {
  /** The operator's name: `sub`. */
  readonly name: string;
  readonly scopes: readonly OperatorScope[];
  readonly lifetime: Seconds;
}

export interface OperatorToken {
  readonly token: string;
  readonly tokenId: string;
  readonly kid: string;
  readonly expiresAt: UnixSeconds;
}

/** The key that signs operators' credentials now; undefined where the ring holds the private half of none. */
export function operatorSigningKey(ring: KeyRing): OperatorKey | undefined {
  return signingKey(
    keysFor(ring, "operator").filter(({ d }) => d !== undefined),
    systemClock(),
  );
}

/** An operator's credential: a JWT of the issuer and for the audience of operators alone, signed with ES256. */
export async function signOperatorToken(key: OperatorKey, claims: OperatorClaims): Promise<OperatorToken> {
  const { name, scopes, lifetime } = claims;
  const { kty, crv, x, y, d, alg, kid } = key;
  if (d === undefined) throw new Error("the ring holds the public half of the operator key alone");
  const now = systemClock();
  const expiresAt = after(now, lifetime);
  const tokenId = crypto.randomUUID();
  const token = await new SignJWT({ scope: scopes.join(" ") })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setIssuer(operatorIssuer)
    .setAudience(operatorIssuer)
    .setSubject(name)
    .setJti(tokenId)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(await importJWK({ kty, crv, x, y, d }, alg));
  return { token, tokenId, kid, expiresAt };
}
