import { issuerSchema } from "../../../src/auth/issuer.ts";
import { forgetToken, trustIssuer, verifyToken } from "../../../src/auth/trusted-issuers.ts";
import type { TrustedIssuer } from "../../../src/auth/verify-jwt.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { audience, issuerName, reaching } from "./tokens.ts";

export const introspectUrl = "https://id.example/oauth/introspect";

/** What a provider says of a token that holds. */
export const activeAnswer = {
  active: true,
  iss: issuerName,
  aud: audience,
  sub: "viewer-1",
  scope: "stream:play",
  assets: ["film"],
  exp: now + 900,
  iat: now - 10,
  token_type: "Bearer",
  username: "MARKEDUSER",
};

/** A question as the provider gets it. */
interface Asked {
  readonly url: string;
  readonly method: string | undefined;
  readonly redirect: string | undefined;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

/** A provider that answers about tokens; its answer and the clock are the test's to change. */
export function provider(
  settings: Readonly<Record<string, unknown>> = {},
  endpoint: Readonly<Record<string, unknown>> = {},
) {
  const asked: Asked[] = [];
  const rings: (() => void)[] = [];
  const state = {
    now: Number(now),
    answer: (): Response | Promise<Response> => Response.json(activeAnswer),
  };
  const clock = () => unixSeconds(state.now);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { method, redirect, headers, body } = init ?? {};
    const form = body instanceof URLSearchParams ? body : new URLSearchParams();
    asked.push({ url: String(input), method, redirect, headers: new Headers(headers), form });
    init?.signal?.throwIfAborted();
    const late = new Promise<never>((_, reject) => {
      init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
    return Promise.race([state.answer(), late]);
  };
  const issuer: TrustedIssuer = trustIssuer(
    issuerSchema.parse({
      issuer: issuerName,
      audience,
      introspection: { url: introspectUrl, clientId: "stagedoor", clientSecret: "MARKEDSECRET", ...endpoint },
      ...settings,
    }),
    reaching(fetch, {
      clock,
      timer: (_, ring) => {
        rings.push(ring);
        return () => undefined;
      },
    }),
  );
  const sources = { issuers: [issuer] };
  const ask = (token = "opaque-1") => verifyToken(token, "opaque", sources, clock());
  return {
    state,
    asked,
    issuer,
    ask,
    /** The code of the refusal, or `ok`. */
    code: async (token?: string) => {
      const verified = await ask(token);
      return verified.ok ? "ok" : verified.refusal.code;
    },
    /** Answers with changed members; undefined takes one out. */
    says: (changes: Readonly<Record<string, unknown>>) => {
      state.answer = () => Response.json({ ...activeAnswer, ...changes });
    },
    forget: (token = "opaque-1") => forgetToken(token, sources),
    /** Lets the time of every question that waits run out. */
    ringAll: () => {
      for (const ring of rings.splice(0)) ring();
    },
  };
}
