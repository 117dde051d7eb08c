import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";

interface Env {
  readonly JWKS: string;
  readonly ISSUER: string;
  readonly AUDIENCE: string;
}

let keys: ReturnType<typeof createLocalJWKSet> | undefined;

/** What `POST /stream/start` is held against: a worker that verifies the bearer token by jose, and answers JSON. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const set: JSONWebKeySet = JSON.parse(env.JWKS);
    keys ??= createLocalJWKSet(set);
    const token = request.headers.get("Authorization")?.slice("Bearer ".length) ?? "";
    const { payload } = await jwtVerify(token, keys, {
      issuer: env.ISSUER,
      audience: env.AUDIENCE,
      algorithms: ["ES256"],
    });
    return Response.json({ subject: payload.sub }, { status: 201, headers: { "Cache-Control": "no-store" } });
  },
};
