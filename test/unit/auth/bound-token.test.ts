import { calculateJwkThumbprint } from "jose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProofReplay } from "../../../src/auth/credential.ts";
import { type CredentialSources, credentialOf } from "../../../src/auth/request-credential.ts";
import type { UnixSeconds } from "../../../src/base/time.ts";
import { type MemoryProofs, memoryProofs } from "../../support/memory-stores.ts";
import { now } from "../signing/session.ts";
import { type Holder, newHolder, proofOf } from "./proofs.ts";
import { apiUrl, requestWith, sourcesOf } from "./sources.ts";
import { newPair, type Pair, token, trusting } from "./tokens.ts";

let pair: Pair;
let holder: Holder;
let bound: string;
let unbound: string;
beforeAll(async () => {
  [pair, holder] = [await newPair("ES256"), await newHolder()];
  bound = await token(pair, { cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } });
  unbound = await token(pair);
});

let proofs: MemoryProofs;
beforeEach(() => {
  proofs = memoryProofs(() => now);
});

function sources(dpop: "optional" | "required", changes: Partial<CredentialSources> = {}): CredentialSources {
  return sourcesOf({ issuers: [trusting([pair.jwk], { dpop })], proofs, ...changes });
}

async function outcomeOf(
  headers: Readonly<Record<string, string>>,
  dpop: "optional" | "required" = "optional",
  changes: Partial<CredentialSources> = {},
  url = `${apiUrl}/stream/start`,
): Promise<string> {
  const validated = await credentialOf(requestWith(headers, { url }), sources(dpop, changes)).validate();
  return validated.ok ? "ok" : validated.refusal.code;
}

describe.each(["optional", "required"] as const)("with DPoP %s,", (dpop) => {
  it("a bound token is accepted with its key's proof", async () => {
    expect(await outcomeOf({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) }, dpop)).toBe("ok");
  });

  it("a bound token is refused as a bearer token, with or without its proof (RFC 9449 §7.1)", async () => {
    const Authorization = `Bearer ${bound}`;
    expect(await outcomeOf({ Authorization }, dpop)).toBe("token_invalid");
    expect(await outcomeOf({ Authorization, DPoP: await proofOf(holder, bound) }, dpop)).toBe("token_invalid");
  });

  it("an unbound token is refused in the scheme DPoP, and accepted as a bearer token only if DPoP is optional", async () => {
    const DPoP = await proofOf(holder, unbound);
    expect(await outcomeOf({ Authorization: `DPoP ${unbound}`, DPoP }, dpop)).toBe("token_invalid");
    expect(await outcomeOf({ Authorization: `Bearer ${unbound}` }, dpop)).toBe(
      dpop === "required" ? "token_invalid" : "ok",
    );
    expect(proofs.size()).toBe(0);
  });
});

describe("a DPoP proof", () => {
  it("is refused if it is by another key or for another token", async () => {
    const stranger = await newHolder();
    const Authorization = `DPoP ${bound}`;
    expect(await outcomeOf({ Authorization, DPoP: await proofOf(stranger, bound) })).toBe("token_invalid");
    expect(await outcomeOf({ Authorization, DPoP: await proofOf(holder, unbound) })).toBe("dpop_proof_invalid");
  });

  it("is accepted by one of 50 simultaneous requests and by none after them", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const answers = await Promise.all(Array.from({ length: 50 }, () => outcomeOf(headers)));
    expect(answers.filter((answer) => answer === "ok")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "dpop_proof_invalid")).toHaveLength(49);
    expect(await outcomeOf(headers)).toBe("dpop_proof_invalid");
  });

  it("is not a replay within its own request, even after the credential was invalidated", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const credential = credentialOf(requestWith(headers), sources("optional"));
    expect((await Promise.all([credential.validate(), credential.validate()])).every(({ ok }) => ok)).toBe(true);
    credential.invalidate();
    expect((await credential.validate()).ok).toBe(true);
    expect(proofs.size()).toBe(1);
  });

  it("is remembered only if everything else is valid", async () => {
    const stranger = await newHolder();
    const expired = await token(pair, { exp: now - 61, cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } });
    await outcomeOf({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound, { htm: "GET" }) });
    await outcomeOf({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(stranger, bound) });
    await outcomeOf({ Authorization: `DPoP ${expired}`, DPoP: await proofOf(holder, expired) });
    expect(proofs.size()).toBe(0);
    await outcomeOf({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) });
    expect(proofs.size()).toBe(1);
  });

  it("is remembered by its key and its id until it is too old to be accepted", async () => {
    const uses: [jkt: string, jti: string, until: UnixSeconds][] = [];
    const replay: ProofReplay = {
      firstUse: async (...proof) => {
        uses.push(proof);
        return true;
      },
    };
    const DPoP = await proofOf(holder, bound, { jti: "id-1", iat: now - 60 });
    expect(await outcomeOf({ Authorization: `DPoP ${bound}`, DPoP }, "optional", { proofs: replay })).toBe("ok");
    expect(uses).toEqual([[await calculateJwkThumbprint(holder.jwk), "id-1", now + 60]]);
  });

  it.each([
    ["fails", () => Promise.reject(new Error("MARKED"))],
    [
      "fails at once",
      () => {
        throw new Error("MARKED");
      },
    ],
    ["does not answer in time", () => new Promise<boolean>(() => undefined)],
  ])("is refused if the replay store %s", async (_, firstUse) => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const timer: CredentialSources["timer"] = (_length, ring) => {
      queueMicrotask(ring);
      return () => undefined;
    };
    expect(await outcomeOf(headers, "optional", { proofs: { firstUse }, timer })).toBe("store_unavailable");
  });

  it("is checked against the configured API URL, whatever the request's Host", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const elsewhere = {
      Authorization: `DPoP ${bound}`,
      DPoP: await proofOf(holder, bound, { htu: "https://evil.example/stream/start" }),
    };
    const url = "https://evil.example/stream/start?a=1";
    expect(await outcomeOf(elsewhere, "optional", {}, url)).toBe("dpop_proof_invalid");
    expect(await outcomeOf(headers, "optional", {}, url)).toBe("ok");
  });

  it("is refused if no API URL is configured", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const site = { apiUrl: undefined, origins: [] };
    expect(await outcomeOf(headers, "optional", { site })).toBe("dpop_proof_invalid");
  });
});
