import type { Hono } from "hono";
import { type Refusal, refusal } from "../../../src/base/refusal.ts";
import { ok, type Result } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/seconds.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { StartContext } from "../../../src/flows/start-stream.ts";
import { apiApp } from "../../../src/http/api.ts";
import { newPair, type Pair, trusting } from "../credential/tokens.ts";
import { catalog, now, preparedKeys } from "../signing/session.ts";

export interface Api {
  readonly app: Hono;
  readonly issuer: Pair;
  readonly log: readonly string[];
  readonly context: StartContext;
}

/** The API with an issuer of its own and the catalog of the other tests. */
export async function api(changes: Partial<StartContext> = {}, basePath = "/"): Promise<Api> {
  const issuer = await newPair("ES256");
  const log: string[] = [];
  let drawn = 0;
  const context: StartContext = {
    issuers: [trusting([issuer.jwk])],
    catalog: async (): Promise<Result<Catalog, Refusal>> => ok(catalog),
    keys: await preparedKeys(),
    clock: () => now,
    random: (length) => new Uint8Array(length).fill(++drawn),
    settings: {
      grantIssuer: "stagedoor",
      mediaUrl: "https://media.example",
      manifestTtl: seconds(300),
      sessionTtl: seconds(21_600),
    },
    ...changes,
  };
  return { app: apiApp(context, { basePath, log: (line) => log.push(line) }), issuer, log, context };
}

export const brokenCatalog = async () => refusal("store_unavailable", "MARKEDREASON");

/** A start as a player sends it. */
export function start(
  token: string | undefined,
  body: BodyInit | null = '{"asset":"film"}',
  more: RequestInit = {},
): RequestInit {
  return {
    method: "POST",
    body,
    headers: {
      "Content-Type": "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    ...more,
  };
}
