import { issuerSchema } from "../../../src/auth/issuer.ts";
import { forgetToken, trustIssuer, verifyToken } from "../../../src/auth/trusted-issuers.ts";
import type { TrustedIssuer } from "../../../src/auth/verify-jwt.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { audience, httpDeps, issuerName } from "./tokens.ts";

export const introspectUrl = "https://id.example/oauth/introspect";

/** A provider's answer for a valid token. */
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

/** An introspection request as the provider receives it. */
interface IntrospectionRequest {
  readonly url: string;
  readonly method: string | undefined;
  readonly redirect: string | undefined;
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

/** An introspecting provider; a test can change its answer and the clock. */
export function provider(
  settings: Readonly<Record<string, unknown>> = {},
  endpoint: Readonly<Record<string, unknown>> = {},
) {
  const requests: IntrospectionRequest[] = [];
  const rings: (() => void)[] = [];
  const state = {
    now: Number(now),
    answer: (): Response | Promise<Response> => Response.json(activeAnswer),
  };
  const clock = () => unixSeconds(state.now);
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { method, redirect, headers, body } = init ?? {};
    const form = body instanceof URLSearchParams ? body : new URLSearchParams();
    requests.push({ url: String(input), method, redirect, headers: new Headers(headers), form });
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
    httpDeps(fetch, {
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
    requests,
    issuer,
    ask,
    /** The code of the refusal, or `ok`. */
    code: async (token?: string) => {
      const verified = await ask(token);
      return verified.ok ? "ok" : verified.refusal.code;
    },
    /** Changes members of the answer; undefined removes one. */
    answerWith: (changes: Readonly<Record<string, unknown>>) => {
      state.answer = () => Response.json({ ...activeAnswer, ...changes });
    },
    forget: (token = "opaque-1") => forgetToken(token, sources),
    /** Lets every waiting request time out. */
    expireTimers: () => {
      for (const ring of rings.splice(0)) ring();
    },
  };
}
