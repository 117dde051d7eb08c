import { vi } from "vitest";
import { newPair, type Pair } from "../../unit/auth/tokens.ts";

/** The responses of a provider, by URL: a document, or a status. */
export type Responses = Readonly<Record<string, unknown>>;

/** A fetch that answers from `responses`, and with 404 for every other URL. `requests` gets each URL. */
export function fetchFrom(responses: Responses, requests: string[] = []): typeof globalThis.fetch {
  return async (input) => {
    const url = String(input);
    requests.push(url);
    const response = responses[url];
    if (response instanceof Response) return response.clone();
    return response === undefined ? new Response("", { status: 404 }) : Response.json(response);
  };
}

/** Lets commands of this process reach these responses and no network. Undo it with `vi.unstubAllGlobals`. */
export function stubProvider(responses: Responses): string[] {
  const requests: string[] = [];
  vi.stubGlobal("fetch", fetchFrom(responses, requests));
  return requests;
}

export const origin = "https://id.example";

let rsa: Promise<Pair> | undefined;

/** An RSA pair for all tests, because making one takes long. */
export function rsaPair(): Promise<Pair> {
  rsa ??= newPair("RS256");
  return rsa;
}

/** A provider with one RS256 key, and metadata in the form of OpenID Connect Discovery. */
export async function recordedProvider(changes: Readonly<Record<string, unknown>> = {}) {
  const pair = await rsaPair();
  const metadata = {
    issuer: origin,
    jwks_uri: `${origin}/jwks`,
    id_token_signing_alg_values_supported: ["HS256", "none", "RS256"],
    ...changes,
  };
  return { pair, metadata, responses: responsesOf(metadata, [publicKeyOf(pair)]) };
}

export function publicKeyOf(pair: Pair, more: Readonly<Record<string, unknown>> = {}) {
  return { ...pair.jwk, use: "sig", alg: pair.algorithm, ...more };
}

export function responsesOf(metadata: Readonly<Record<string, unknown>>, keys: readonly unknown[]): Responses {
  return {
    [`${origin}/.well-known/openid-configuration`]: metadata,
    [String(metadata.jwks_uri)]: { keys },
  };
}
