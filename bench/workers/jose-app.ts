import type { Hono } from "hono";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { joseApp } from "../jose-app.ts";

interface Env {
  readonly JWKS: string;
  readonly ISSUER: string;
  readonly AUDIENCE: string;
}

let app: Hono | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (app === undefined) {
      const set: JSONWebKeySet = JSON.parse(env.JWKS);
      app = joseApp(createLocalJWKSet(set), { issuer: env.ISSUER, audience: env.AUDIENCE });
    }
    return app.fetch(request, env);
  },
};
