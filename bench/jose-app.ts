import { Hono } from "hono";
import { type JWTVerifyGetKey, jwtVerify } from "jose";

/** Which tokens the app accepts. */
export interface ExpectedTokens {
  readonly issuer: string;
  readonly audience: string;
}

/** The baseline of `POST /stream/start`: a bare Hono app that verifies the bearer token with jose and answers JSON. */
export function joseApp(keys: JWTVerifyGetKey, { issuer, audience }: ExpectedTokens): Hono {
  const app = new Hono();
  app.post("/stream/start", async ({ req }) => {
    const token = req.header("Authorization")?.slice("Bearer ".length) ?? "";
    const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms: ["ES256"] });
    return Response.json({ subject: payload.sub }, { status: 201, headers: { "Cache-Control": "no-store" } });
  });
  return app;
}
