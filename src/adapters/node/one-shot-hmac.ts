import { hash } from "node:crypto";
import type { MacPort } from "../../base/hmac.ts";

const blockLength = 64;
const digestLength = 32;
/** Messages up to this length go through a buffer that is used again; a URL's message has about 250 bytes. */
const usualLength = 2048;

/**
 * HMAC-SHA256 for Node, where making an Hmac object costs more than all its hashing: the two hashes of RFC 2104 §2,
 * `H(K ^ opad, H(K ^ ipad, text))`, by node:crypto's one-shot SHA-256, in about half the time of createHmac. The hash is
 * OpenSSL's; what stands here is the order in which the RFC calls it, held to the RFC's vectors and to createHmac by
 * tests. Workers use `noble-hmac.ts`, which is faster there.
 */
export const oneShotHmac: MacPort = (key) => {
  const padded = Buffer.alloc(blockLength);
  padded.set(key.length > blockLength ? hash("sha256", key, "buffer") : key);
  const innerPad = padded.map((byte) => byte ^ 0x36);
  const outer = Buffer.concat([padded.map((byte) => byte ^ 0x5c)], blockLength + digestLength);
  const usual = Buffer.concat([innerPad], blockLength + usualLength);
  const views: Buffer[] = [];

  /** The padded key and the message behind it. Nothing here waits, so no two messages meet in the buffer. */
  const inner = (message: string | Uint8Array): Buffer => {
    if (message.length * 3 > usualLength) return Buffer.concat([innerPad, Buffer.from(message)]);
    let length = blockLength;
    if (typeof message === "string") length += usual.write(message, blockLength);
    else {
      usual.set(message, blockLength);
      length += message.length;
    }
    const view = views[length] ?? usual.subarray(0, length);
    views[length] = view;
    return view;
  };

  const outerOf = (message: string | Uint8Array): Buffer => {
    // As a text the digest is spared a buffer of its own.
    outer.write(hash("sha256", inner(message), "hex"), blockLength, "hex");
    return outer;
  };
  return Object.assign((message: string | Uint8Array): Uint8Array => hash("sha256", outerOf(message), "buffer"), {
    base64url: (message: string): string => hash("sha256", outerOf(message), "base64url"),
  });
};
