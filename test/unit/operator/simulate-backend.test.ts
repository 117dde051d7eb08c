import { describe, expect, it } from "vitest";
import { backendIssuers } from "../../../src/auth/backend-token.ts";
import { backendIssuer } from "../../../src/auth/credential.ts";
import { credentialOf } from "../../../src/auth/request-credential.ts";
import { seconds } from "../../../src/base/time.ts";
import { type SimulatedStart, simulate } from "../../../src/operator/simulate.ts";
import { subjectDigest } from "../../../src/sessions/identifiers.ts";
import { openFiles } from "../../../src/sessions/open-files.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { backendToken, newBackendPair } from "../auth/backends.ts";
import { token } from "../auth/tokens.ts";
import { asset, codeOf, opened, usualRequest } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { operatorStage } from "./operator-stage.ts";

const assets = [
  asset("film", { files: ["poster.jpg", "thumbs/*.jpg"] }),
  asset("bound", { binding: { network: "prefix" } }),
  asset("german", { countries: { only: ["DE"] } }),
  asset("web", { origins: ["https://www.example.com"] }),
];
const web = { issuer: backendIssuer, subject: "web" };

interface Case {
  readonly what: string;
  readonly code: string;
  readonly start?: Partial<SimulatedStart>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly before?: (stage: Awaited<ReturnType<typeof staged>>) => Promise<unknown>;
}

const ann = { subject: "ann" };
const cases: readonly Case[] = [
  { what: "a start for a viewer", code: "ok" },
  { what: "no viewer", code: "body_invalid", start: { viewer: undefined } },
  { what: "an Origin, so a browser", code: "request_invalid", start: { origin: "https://www.example.com" } },
  { what: "an asset outside the credential", code: "asset_forbidden", claims: { assets: ["web"] } },
  { what: "an asset outside the viewer's", code: "asset_forbidden", start: { viewer: { ...ann, assets: ["web"] } } },
  { what: "no address for a bound asset", code: "body_invalid", start: { asset: "bound" } },
  { what: "only the server's own country", code: "body_invalid", start: { asset: "german", country: "DE" } },
  { what: "the viewer's country", code: "ok", start: { asset: "german", viewer: { ...ann, country: "DE" } } },
  { what: "another country", code: "country_forbidden", start: { asset: "german", viewer: { ...ann, country: "FR" } } },
  {
    what: "the page's origin",
    code: "ok",
    start: { asset: "web", viewer: { ...ann, origin: "https://www.example.com" } },
  },
  {
    what: "a revoked credential",
    code: "token_revoked",
    before: ({ revoke }) => revoke({ token: { issuer: backendIssuer, jti: "b-1" } }),
  },
  {
    what: "a revoked name",
    code: "token_revoked",
    before: ({ revoke }) => revoke({ login: { issuer: backendIssuer, sid: "web" } }),
  },
  { what: "a revoked key", code: "token_revoked", before: ({ revoke }) => revoke({ key: "be-1" }) },
  {
    what: "a revoked viewer",
    code: "token_revoked",
    before: ({ revoke }) => revoke({ subject: { issuer: "backend:web", subject: "ann" } }),
  },
  { what: "an exhausted rate of the backend", code: "rate_limited", claims: { rate: 1 }, before: spend },
  {
    what: "the viewer's stream limit",
    code: "stream_limit",
    start: { viewer: { ...ann, streams: 1 } },
    before: ({ start }) => start({ streams: 1 }),
  },
  { what: "a credential of another key", code: "token_invalid", claims: { iss: "stagedoor-backend", aud: "another" } },
  { what: "files", code: "ok", start: { files: ["poster.jpg", "thumbs/1.jpg"] } },
  { what: "files outside the globs", code: "file_forbidden", start: { files: ["poster.jpg", "index.m3u8"] } },
  {
    what: "files of a bound asset, without an address",
    code: "body_invalid",
    start: { asset: "bound", files: ["poster.jpg"] },
  },
];

async function spend({ context }: Awaited<ReturnType<typeof staged>>) {
  const policy = { name: "backend", quota: 1, window: seconds(60) };
  for (let i = 0; i < 2; i++) await context().limits.take(policy, subjectDigest(web.issuer, web.subject), now);
}

async function staged() {
  const pair = await newBackendPair();
  const stage = await operatorStage({ assets, context: { backends: backendIssuers({ keys: [pair.key] }, () => now) } });
  const credential = (claims: Case["claims"] = {}) => backendToken(pair, claims);
  /** The start or the request for files, as the API answers it. */
  const real = (text: string, { asset: id, viewer, files, origin, country }: SimulatedStart) => {
    const context: SessionContext = stage.context();
    const headers = new Headers({ Authorization: `Bearer ${text}` });
    const url = "https://api.example/stream/start";
    const request = {
      ...usualRequest,
      credential: credentialOf({ method: "POST", url, headers, body: undefined }, context),
      body: JSON.stringify({ asset: id, viewer, files }),
      client: { address: "203.0.113.9", userAgentHash: () => "" },
      origin,
      country,
    };
    return files === undefined ? startStream(request, context) : openFiles(request, context);
  };
  const start = async (viewer: object) =>
    real(await credential(), { credential: "", asset: "film", viewer: { ...ann, ...viewer } });
  return { ...stage, credential, real, start };
}

describe("a simulated start by a backend", () => {
  it.each(cases)("is answered like the start itself: $what, $code", async ({ code, start, claims, before }) => {
    const stage = await staged();
    await before?.(stage);
    const credential = await stage.credential(claims);
    const simulation = { asset: "film", viewer: ann, ...start, credential };
    const [events, counted] = [stage.events.length, stage.counted.length];
    const { verdict, refusal, steps, grants } = await simulate(simulation, usualRequest, stage.context());
    expect([stage.events.length, stage.counted.length]).toEqual([events, counted]);
    const answer = await stage.real(credential, simulation);
    expect([codeOf(answer), refusal?.code ?? "ok", verdict]).toEqual([
      code,
      code,
      code === "ok" ? "accepted" : "refused",
    ]);
    expect(steps.filter(({ state }) => state === "fail").at(-1)?.code ?? "ok").toBe(code);
    expect(grants === undefined).toBe(code !== "ok");
  });

  it("needs no viewer with a viewer's own token, and accepts none", async () => {
    const stage = await staged();
    const credential = await token(stage.issuer, { assets: "*" });
    const simulation = { credential, asset: "film", viewer: ann };
    expect((await simulate(simulation, usualRequest, stage.context())).refusal?.code).toBe("body_invalid");
    const files = await simulate({ credential, asset: "film", files: ["poster.jpg"] }, usualRequest, stage.context());
    expect(files.grants).toMatch(/^URLs of 1 file of "film", which are renewed until /);
    expect(opened(await stage.files({ asset: "film", files: ["poster.jpg"] })).files).toHaveLength(1);
  });
});
