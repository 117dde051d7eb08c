import { expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "../../../src/base/encoding.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { tokenDigest } from "../../../src/sessions/identifiers.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { issuerName, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, presenting, sessionService, usualRequest } from "./session-service.ts";

/** The order of P-256's group (FIPS 186-5): if (r, s) verifies, so does (r, n − s). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function withOtherSignature(text: string): string {
  const [header, claims, signature = ""] = text.split(".");
  const bytes = decodeBase64url(signature) ?? new Uint8Array();
  const s = [...bytes.subarray(32)].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const other = (order - s).toString(16).padStart(64, "0");
  const half = Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(other.slice(2 * i, 2 * i + 2), 16));
  return `${header}.${claims}.${encodeBase64url(new Uint8Array([...bytes.subarray(0, 32), ...half]))}`;
}

/** The next letter of the alphabet: it decodes to the same bytes if the bits that differ are unused. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet.charAt((alphabet.indexOf(letter) + 1) % 64);
}

it("a revoked token is refused in every spelling", async () => {
  const service = await sessionService();
  const start = async (text: string) => {
    const credential = presenting(`Bearer ${text}`, service.context());
    return codeOf(await startStream({ ...usualRequest, credential, body: '{"asset":"film"}' }, service.context()));
  };
  const original = await token(service.issuer, { jti: "t-1", assets: "*" });
  const malleable = withOtherSignature(original);
  const other = await token(service.issuer, { jti: "t-2", assets: "*" });
  expect(malleable).not.toBe(original);
  expect([await start(original), await start(malleable), await start(other)]).toEqual(["ok", "ok", "ok"]);
  const value = tokenDigest(issuerName, "t-1");
  await service
    .context()
    .log.append([{ kind: "token", value, cause: "revoked", at: now, until: unixSeconds(now + 900) }], "operator");
  expect([await start(original), await start(malleable), await start(other)]).toEqual([
    "token_revoked",
    "token_revoked",
    "ok",
  ]);
  const [header = "", claims = "", signature = ""] = original.split(".");
  for (const spelling of [
    `${original.slice(0, -1)}${nextLetter(original.slice(-1))}`,
    `${original}==`,
    `${header}=.${claims}.${signature}`,
    `${header}.${claims}.\t${signature}`,
    `${header}.${claims}.${signature.slice(0, 20)}%0A${signature.slice(20)}`,
    `${header}.${claims}.${signature}.`,
    original.replaceAll("_", "/"),
    `${signature}.${claims}.${header}`,
  ].filter((text) => text !== original))
    expect([spelling, await start(spelling)]).toEqual([spelling, expect.stringMatching(/^(token|request)_invalid$/)]);
});
