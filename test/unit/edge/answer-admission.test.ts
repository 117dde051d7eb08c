import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { after, seconds } from "../../../src/base/time.ts";
import { type Catalog, parseCatalog } from "../../../src/catalog/catalog.ts";
import {
  type AdmissionRouteParts,
  admissionHeader,
  admissionSecrets,
  answerAdmission,
  forNginx,
  originHeader,
} from "../../../src/edge/answer-admission.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { endedBecause } from "../../../src/sessions/revocation-snapshot.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { unwrap } from "../signing/samples.ts";
import { grantIssuer, grantOf, keyOf, now, preparedKeys, ringKeys, signedTarget } from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const secrets = await admissionSecrets({ keys: ringKeys });
const secret = secrets.get("2026-a") ?? "";

function catalogWith(changes: object): Catalog {
  const origin = { type: "file", root: "films", path: "film/" };
  return unwrap(parseCatalog({ version: 1, assets: [{ id: "film", origin, entry: "index.m3u8", ...changes }] }));
}

async function ask(
  changes: Partial<AdmissionRouteParts> = {},
  { target = targetAt(), header = secret }: { readonly target?: string; readonly header?: string } = {},
) {
  const parts: AdmissionRouteParts = {
    keys,
    open: openGrant,
    catalog: async () => ok(catalogWith({})),
    clock: () => now,
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    grantIssuer,
    admit: () => undefined,
    waitUntil: () => undefined,
    revocations: { fresh: async () => refusal("store_unavailable", "no log") },
    secrets,
    ...changes,
  };
  const raw = new Request(`https://media.example${target}`, { headers: { [admissionHeader]: header } });
  const answer = await answerAdmission({ method: "GET", target, raw }, parts);
  return answer.ok
    ? {
        code: undefined,
        admission: answer.value.headers.get(admissionHeader),
        origin: answer.value.headers.get(originHeader),
      }
    : { code: answer.refusal.code };
}

function targetAt(expiry = after(now, seconds(300))): string {
  return signedTarget(key, { grant: grantOf(key), purpose: "segment", path: "/film/0.ts", expiry });
}

describe("the admission for nginx", () => {
  it("names the root and folder of the asset", async () => {
    expect(await ask()).toEqual({ code: undefined, admission: "granted", origin: "file:films:film/" });
  });

  it("names no place that nginx cannot read, or that has a cache lifetime of its own", async () => {
    const auth = { type: "header", name: "X-Secret", secret: "ORIGIN_SECRET" };
    const http = { type: "http", url: "https://origin.example/film/" };
    const placeOf = async (changes: object) => (await ask({ catalog: async () => ok(catalogWith(changes)) })).origin;
    expect(await placeOf({ origin: http })).toBe("http:https://origin.example/film/");
    expect(await placeOf({ origin: { ...http, auth } })).toBe(null);
    expect(await placeOf({ origin: { type: "r2", binding: "MEDIA", prefix: "film/" } })).toBe(null);
    expect(await placeOf({ cacheLifetime: 60 })).toBe(null);
  });

  it("does not depend on the URL's expiry, unless the asset has conditions, which a renewal must meet", async () => {
    const expired = { target: targetAt(now) };
    expect((await ask({}, expired)).admission).toBe("granted");
    const catalog = async () => ok(catalogWith({ places: { only: [{ regions: ["US-CA"] }] } }));
    expect((await ask({ catalog })).admission).toBe("granted");
    expect((await ask({ catalog }, expired)).code).toBe("place_forbidden");
  });

  it("checks the URL again, so the secret alone opens nothing", async () => {
    expect((await ask({}, { target: `${targetAt().slice(0, -1)}A` })).code).toBe("signature_invalid");
    expect((await ask({}, { target: "/film/0.ts" })).code).toBe("signature_missing");
  });

  it("refuses a secret of another ring", async () => {
    expect((await ask({}, { header: "" })).code).toBe("configuration_invalid");
    expect((await ask({}, { header: secret.replace(/^./, (first) => (first === "A" ? "B" : "A")) })).code).toBe(
      "configuration_invalid",
    );
  });

  it("asks the log for revocations of the last second before it admits", async () => {
    const order: string[] = [];
    const fresh = async () => {
      order.push("fresh");
      return refusal("store_unavailable", "no log");
    };
    const admit = () => {
      order.push("admit");
      return endedBecause("revoked").refusal;
    };
    expect((await ask({ revocations: { fresh }, admit })).code).toBe("session_revoked");
    expect(order).toEqual(["fresh", "admit"]);
  });

  it("answers nginx with 200 or 403, whatever the refusal's own status is", () => {
    const refused = forNginx(
      new Response("{}", { status: 503, headers: { "Stagedoor-Refusal": "store_unavailable" } }),
    );
    expect([refused.status, refused.headers.get("Stagedoor-Refusal"), refused.body]).toEqual([
      403,
      "store_unavailable",
      null,
    ]);
    expect(forNginx(new Response(null)).status).toBe(200);
  });
});
