import { calculateJwkThumbprint } from "jose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProofReplay } from "../../../src/auth/credential.ts";
import { type CredentialSources, credentialOf } from "../../../src/auth/request-credential.ts";
import type { UnixSeconds } from "../../../src/base/time.ts";
import { type MemoryProofs, memoryProofs } from "../../support/memory-stores.ts";
import { now } from "../signing/session.ts";
import { type Holder, newHolder, proofOf } from "./proofs.ts";
import { apiUrl, askedWith, sourcesOf } from "./sources.ts";
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

async function judge(
  headers: Readonly<Record<string, string>>,
  dpop: "optional" | "required" = "optional",
  changes: Partial<CredentialSources> = {},
  url = `${apiUrl}/stream/start`,
): Promise<string> {
  const validated = await credentialOf(askedWith(headers, { url }), sources(dpop, changes)).validate();
  return validated.ok ? "ok" : validated.refusal.code;
}

describe.each(["optional", "required"] as const)("where DPoP is %s", (dpop) => {
  it("a token that is bound to a key comes with that key's proof", async () => {
    expect(await judge({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) }, dpop)).toBe("ok");
  });

  it("a bound token is no bearer token, with its proof beside it or without (RFC 9449 §7.1)", async () => {
    const Authorization = `Bearer ${bound}`;
    expect(await judge({ Authorization }, dpop)).toBe("token_invalid");
    expect(await judge({ Authorization, DPoP: await proofOf(holder, bound) }, dpop)).toBe("token_invalid");
  });

  it("a token that is not bound does not come in the scheme DPoP, and comes as a bearer token where that is taken", async () => {
    const DPoP = await proofOf(holder, unbound);
    expect(await judge({ Authorization: `DPoP ${unbound}`, DPoP }, dpop)).toBe("token_invalid");
    expect(await judge({ Authorization: `Bearer ${unbound}` }, dpop)).toBe(
      dpop === "required" ? "token_invalid" : "ok",
    );
    expect(proofs.size()).toBe(0);
  });
});

describe("a proof", () => {
  it("of another key than the token's is refused, and so is one for another token", async () => {
    const stranger = await newHolder();
    const Authorization = `DPoP ${bound}`;
    expect(await judge({ Authorization, DPoP: await proofOf(stranger, bound) })).toBe("token_invalid");
    expect(await judge({ Authorization, DPoP: await proofOf(holder, unbound) })).toBe("dpop_proof_invalid");
  });

  it("is taken once, however many come with it at once", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const answers = await Promise.all(Array.from({ length: 50 }, () => judge(headers)));
    expect(answers.filter((answer) => answer === "ok")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "dpop_proof_invalid")).toHaveLength(49);
    expect(await judge(headers)).toBe("dpop_proof_invalid");
  });

  it("is the request's own for all parts of it that ask, and after the answer was forgotten", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const credential = credentialOf(askedWith(headers), sources("optional"));
    expect((await Promise.all([credential.validate(), credential.validate()])).every(({ ok }) => ok)).toBe(true);
    credential.invalidate();
    expect((await credential.validate()).ok).toBe(true);
    expect(proofs.size()).toBe(1);
  });

  it("is remembered only where everything else has held", async () => {
    const stranger = await newHolder();
    const expired = await token(pair, { exp: now - 61, cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } });
    await judge({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound, { htm: "GET" }) });
    await judge({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(stranger, bound) });
    await judge({ Authorization: `DPoP ${expired}`, DPoP: await proofOf(holder, expired) });
    expect(proofs.size()).toBe(0);
    await judge({ Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) });
    expect(proofs.size()).toBe(1);
  });

  it("is remembered until it is too old anyhow, under its key and its id", async () => {
    const asked: [jkt: string, jti: string, until: UnixSeconds][] = [];
    const replay: ProofReplay = {
      firstUse: async (...proof) => {
        asked.push(proof);
        return true;
      },
    };
    const DPoP = await proofOf(holder, bound, { jti: "id-1", iat: now - 60 });
    expect(await judge({ Authorization: `DPoP ${bound}`, DPoP }, "optional", { proofs: replay })).toBe("ok");
    expect(asked).toEqual([[await calculateJwkThumbprint(holder.jwk), "id-1", now + 60]]);
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
  ])("is not taken where what remembers it %s", async (_, firstUse) => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const timer: CredentialSources["timer"] = (_length, ring) => {
      queueMicrotask(ring);
      return () => undefined;
    };
    expect(await judge(headers, "optional", { proofs: { firstUse }, timer })).toBe("store_unavailable");
  });

  it("is for the address that is configured, whatever Host the request names", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const elsewhere = {
      Authorization: `DPoP ${bound}`,
      DPoP: await proofOf(holder, bound, { htu: "https://evil.example/stream/start" }),
    };
    const url = "https://evil.example/stream/start?a=1";
    expect(await judge(elsewhere, "optional", {}, url)).toBe("dpop_proof_invalid");
    expect(await judge(headers, "optional", {}, url)).toBe("ok");
  });

  it("is none where no address is configured", async () => {
    const headers = { Authorization: `DPoP ${bound}`, DPoP: await proofOf(holder, bound) };
    const site = { apiUrl: undefined, origins: [] };
    expect(await judge(headers, "optional", { site })).toBe("dpop_proof_invalid");
  });
});
