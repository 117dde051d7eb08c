import { createHash } from "node:crypto";
import type { TextHash } from "../../base/hash.ts";

/** SHA-256 by node:crypto, in Node and in workerd (under nodejs_compat). */
export const nodeSha256: TextHash = (text) => createHash("sha256").update(text).digest("base64url");
