import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { answerMedia } from "../../../src/edge/answer-media.ts";
import { causeOf, isFailure } from "../../../src/http/cause.ts";
import { refusalCodes } from "../../../src/http/problems.ts";
import { IsolateCounter } from "../../../src/metrics/isolate-counter.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";
import { api, requestIds, start } from "../api/start.ts";
import { token } from "../auth/tokens.ts";

it("every refusal code has a cause: a new one is put here on purpose", () => {
  const by = (cause: string) => refusalCodes.filter((code) => causeOf(code) === cause).toSorted();
  expect(by("ours")).toEqual([
    ...["address_unknown", "configuration_invalid", "grant_invalid", "internal_error", "key_unknown"],
    ...["signature_invalid", "signature_not_yet_valid", "store_unavailable"],
  ]);
  expect(by("origin")).toEqual([
    ...["object_unknown", "origin_failed", "origin_slow", "playlist_invalid", "playlist_too_large", "uri_foreign"],
  ]);
  expect(by("provider")).toEqual(["provider_unavailable", "scope_insufficient", "token_invalid"]);
  expect(by("viewer")).toEqual([
    ...["address_not_covered", "asset_forbidden", "asset_invalid", "asset_no_longer_available"],
    ...["asset_not_yet_available", "asset_revoked", "asset_unknown", "binding_mismatch", "body_invalid"],
    ...["country_forbidden", "dpop_proof_invalid", "entitlement_refused", "file_forbidden", "grant_expired"],
    ...["https_required", "method_not_covered", "method_unknown", "origin_forbidden", "origin_untrusted"],
    ...["path_invalid", "path_not_covered", "place_forbidden", "place_not_allowed", "player_refused"],
    "quality_unavailable",
    ...["range_not_satisfiable", "rate_limited", "request_invalid"],
    ...["revocation_invalid", "revocation_unknown", "route_unknown", "session_forbidden", "session_revoked"],
    ...["session_shared", "session_unknown", "sign_in_required", "signature_expired", "signature_missing"],
    ...["start_rate_exceeded", "stream_limit", "stream_taken", "token_expired", "token_missing", "token_revoked"],
  ]);
});

it("a code of another version is the viewer's, and no failure", () => {
  expect([causeOf("made_up"), isFailure("made_up")]).toEqual(["viewer", false]);
});

describe("a counted refusal", () => {
  it("of a start says so; one of another route does not", async () => {
    const { telemetry, events } = memoryTelemetry();
    const { send } = await api({ telemetry });
    for (const path of ["/stream/start", "/files", "/operator/revocations"])
      await send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
    const refused = events.flatMap((event) => (event.event === "refused" ? [event] : []));
    expect(refused.map(({ code, cause, asked }) => [code, cause, asked])).toEqual([
      ["token_missing", "viewer", "start"],
      ["token_missing", "viewer", undefined],
      ["token_missing", "viewer", undefined],
    ]);
  });

  it("of a start whose handler throws is this service's", async () => {
    const { telemetry, events } = memoryTelemetry();
    const broken = () => Promise.reject(new Error("a bug"));
    const { send, issuer } = await api({ telemetry, catalog: broken });
    expect((await send("/stream/start", start(await token(issuer, { sub: "ann" })))).status).toBe(500);
    expect(events).toContainEqual(expect.objectContaining({ code: "internal_error", cause: "ours", asked: "start" }));
  });

  it("of the media host is one of a media request, whatever is refused", async () => {
    const { telemetry, events } = memoryTelemetry();
    const reporting = { worker: "edge", log: () => undefined, telemetry, random: requestIds };
    const url = "https://media.example/x";
    await answerMedia(new Request(url), reporting, async () => refusal("object_unknown", "no such file"));
    await answerMedia(new Request(url), reporting, () => Promise.reject(new Error("a bug")));
    await answerMedia(new Request(url, { method: "PUT" }), reporting, async () => ok(new Response()));
    await answerMedia(new Request("http://media.example/x"), reporting, async () => ok(new Response()));
    expect(events).toMatchObject([
      { code: "object_unknown", cause: "origin", asked: "media" },
      { code: "internal_error", cause: "ours", asked: "media" },
      { code: "method_not_covered", cause: "viewer", asked: "media" },
      { code: "https_required", cause: "viewer", asked: "media" },
    ]);
  });

  it("has its own series, by what was asked for and whose fault it was", () => {
    const counter = new IsolateCounter(() => unixSeconds(0));
    const refused = { event: "refused", worker: "api", code: "token_invalid", cause: "provider" } as const;
    counter.telemetry({ ...refused, asked: "start", reason: "no such key", request: "1" });
    counter.telemetry({ ...refused, reason: "no such key", request: "2" });
    expect(counter.take()?.counts).toEqual([
      ['stagedoor_refused_total{worker="api",code="token_invalid"}', 2],
      ['stagedoor_unserved_total{what="start",cause="provider",code="token_invalid"}', 1],
    ]);
  });
});
