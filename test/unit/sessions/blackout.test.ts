import { beforeEach, describe, expect, it } from "vitest";
import type { Place } from "../../../src/base/place.ts";
import { unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { listRevoked } from "../../../src/operator/list-revoked.ts";
import { blackoutOf, blackoutValue, ruleOfPlace } from "../../../src/sessions/blackout.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { blackoutIn, HeldRevocations } from "../../../src/sessions/revocation-snapshot.ts";
import { readPage, writePage } from "../../../src/sessions/revocation-store.ts";
import type { SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { token } from "../auth/tokens.ts";
import { operatorStage } from "../operator/operator-stage.ts";
import { now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

const at = unixSeconds(now);
const later = unixSeconds(now + 1000);

function entryOf(place: string, until = later, id = "film"): Revocation {
  return { kind: "subject", value: blackoutValue({ asset: id, place }), cause: "revoked", at, until };
}

function held(...entries: readonly Revocation[]): HeldRevocations {
  const snapshot = new HeldRevocations();
  snapshot.apply({ cursor: 1, asOf: unixMilliseconds(now * 1000), reset: false, more: false, entries });
  return snapshot;
}

const californian: Place = { country: "US", region: "US-CA", postal: "90210", asn: 64500 };

describe("a blackout", () => {
  it.each<[string, Place, string]>([
    ["US-CA", californian, "refused"],
    ["US-CA", { country: "US", region: "US-NY" }, "plays"],
    ["US-CA", { country: "DE" }, "plays"],
    ["US-CA", { country: "US" }, "region"],
    ["US-CA", { country: undefined }, "region"],
    ["DE", californian, "plays"],
    ["DE", { country: "DE" }, "refused"],
    ["DE", { country: undefined }, "country"],
    ["AS64500", californian, "refused"],
    ["AS64500", { country: "US" }, "asn"],
    ["US/902", californian, "refused"],
    ["US/902", { country: "US", postal: "10001" }, "plays"],
    ["a place of a later release", californian, "refused"],
  ])("of %s, for a client in %j: %s", (place, client, expected) => {
    const refused = blackoutIn(held(entryOf(place)), "film", () => client);
    const unknown = refused?.code === "place_not_allowed" && "unknown" in refused ? refused.unknown.join(" ") : "";
    expect(refused === undefined ? "plays" : unknown || "refused").toBe(expected);
    expect(refused?.code ?? "place_not_allowed").toBe("place_not_allowed");
  });

  it("asks nothing of a request for an asset that is nowhere blacked out", () => {
    const asked = () => {
      throw new Error("the place was asked for");
    };
    expect(blackoutIn(held(), "film", asked)).toBeUndefined();
    expect(blackoutIn(held(entryOf("DE")), "film-2", asked)).toBeUndefined();
  });

  it("ends when it is lifted, and at its end", () => {
    const snapshot = held(entryOf("DE"), entryOf("US-CA", unixSeconds(now + 10)));
    expect(snapshot.size).toBe(2);
    const german = () => blackoutIn(snapshot, "film", () => ({ country: "DE" }))?.code;
    const delta = { cursor: 2, reset: false, more: false };
    snapshot.apply({ ...delta, asOf: unixMilliseconds((now + 10) * 1000), entries: [] });
    expect([german(), blackoutIn(snapshot, "film", () => californian)]).toEqual(["place_not_allowed", undefined]);
    snapshot.apply({ ...delta, asOf: unixMilliseconds((now + 11) * 1000), entries: [entryOf("DE", unixSeconds(0))] });
    expect([german(), snapshot.size, snapshot.blackouts.size]).toEqual([undefined, 0, 0]);
  });

  it("is for an earlier release the entry of a subject that nobody is, so that its log stays readable", () => {
    const page = { cursor: 1, reset: false, more: false, entries: [entryOf("US-CA", later)] };
    const text = writePage(page);
    expect(JSON.parse(text)).toMatchObject({
      rows: [["subject", "blackout:film:US-CA", "revoked", now, now + 1000]],
    });
    expect(readPage(text)).toEqual(page);
  });

  it.each(["US", "US-CA", "AS64500", "US/902", "GB/SW1A"])("can name the place %s", (text) => {
    expect(ruleOfPlace(text)).toBeDefined();
    expect(blackoutOf(entryOf(text))).toEqual({ asset: "film", place: text });
  });

  it.each(["", "us", "XX", "T1", "US-", "US-CALI", "AS0", "AS4294967296", "64500", "US/", "US/90*", "US/90 2", "/902"])(
    "cannot name the place %j",
    (text) => {
      expect(ruleOfPlace(text)).toBeUndefined();
    },
  );

  it("is no other entry of a subject", () => {
    for (const value of ["AAAAAAAAAAAAAAAAAAAAAA", "sign-outs-left-out", "blackout:", "blackout::US"])
      expect(blackoutOf({ kind: "subject", value })).toBeUndefined();
    expect(blackoutOf({ kind: "asset", value: "blackout:film:US" })).toBeUndefined();
  });
});

describe("the route to black an asset out", () => {
  let service: Awaited<ReturnType<typeof sessionService>>;
  beforeEach(async () => {
    service = await sessionService({ assets: [asset("film"), asset("other")] });
  });
  const blackout = (places?: readonly string[], more: object = {}) =>
    service.revoke({ blackout: { asset: "film", ...(places && { places }) }, ...more });
  const from = async (place: Partial<SessionRequest>, id = "film") => {
    const context = service.context();
    const credential = presenting(`Bearer ${await token(service.issuer, { assets: "*" })}`, context);
    return codeOf(
      await startStream({ ...usualRequest, credential, body: JSON.stringify({ asset: id }), ...place }, context),
    );
  };

  it("refuses starts and renewals there and where the place is unknown, and no others", async () => {
    const session = opened(await service.start());
    expect(opened(await blackout(["US-CA", "DE"]))).toEqual({ revoked: "blackout", until: "9999-12-31T23:59:59Z" });
    expect(await from(californian)).toBe("place_not_allowed");
    expect(await from({ country: "DE" })).toBe("place_not_allowed");
    expect(await from({ country: undefined })).toBe("place_not_allowed");
    expect(await from({ country: "FR" })).toBe("ok");
    expect(await from({ country: "DE" }, "other")).toBe("ok");
    expect(codeOf(await service.renew(session, {}, { country: "DE" }))).toBe("place_not_allowed");
    expect(codeOf(await service.renew(session, {}, { country: "FR" }))).toBe("ok");
  });

  it("lifts one place, or all of the asset", async () => {
    opened(await blackout(["US-CA", "DE"]));
    opened(await service.revoke({ blackout: { asset: "other", places: ["DE"] } }));
    opened(await blackout(["DE"], { lift: true }));
    expect([await from({ country: "DE" }), await from(californian)]).toEqual(["ok", "place_not_allowed"]);
    opened(await blackout(undefined, { lift: true }));
    expect([await from(californian), await from({ country: "DE" }, "other")]).toEqual(["ok", "place_not_allowed"]);
    expect(codeOf(await blackout(undefined, { lift: true }))).toBe("revocation_unknown");
  });

  it("lasts until its end and not a week longer, as an event does", async () => {
    opened(await blackout(["DE"], { until: now + 60 }));
    expect((await service.entries()).map(({ until }) => until)).toEqual([now + 60]);
    service.later(61);
    expect(await from({ country: "DE" })).toBe("ok");
  });

  it("names an asset that is not in the catalog as unknown", async () => {
    expect(await service.revoke({ blackout: { asset: "flim", places: ["DE"] } })).toMatchObject({
      value: { known: false },
    });
  });

  it.each([
    [{ asset: "film" }, /^blackout\.places: Name the places/],
    [{ asset: "film", places: [] }, /^blackout\.places/],
    [{ asset: "film", places: ["California"] }, /^blackout\.places\[0\]: Give a country \(DE\)/],
    [{ places: ["DE"] }, /^blackout\.asset/],
  ])("refuses %j and says what to send", async (body, fault) => {
    const refused = await service.revoke({ blackout: body });
    expect(refused).toMatchObject({ refusal: { code: "revocation_invalid" } });
    expect(refused.ok || ("faults" in refused.refusal && refused.refusal.faults?.[0])).toMatch(fault);
  });

  it("lists each place with its author and reason, and undoes one as it is listed", async () => {
    const stage = await operatorStage({ assets: [asset("film")] });
    opened(await stage.revoke({ blackout: { asset: "film", places: ["US-CA", "DE"] }, reason: "rights" }));
    const names = async () => opened(await listRevoked(stage.context(), "blackout"));
    expect((await names()).map(({ kind, value, reason }) => [kind, value, reason])).toEqual([
      ["blackout", "film:US-CA", "rights"],
      ["blackout", "film:DE", "rights"],
    ]);
    expect(opened(await listRevoked(stage.context(), "subject"))).toEqual([]);
    opened(await stage.revoke({ entry: { kind: "blackout", value: "film:DE" }, lift: true }));
    expect((await names()).map(({ value }) => value)).toEqual(["film:US-CA"]);
  });
});
