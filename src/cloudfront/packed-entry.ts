import type { Bytes, Primitives, VerifierKey } from "../verifier/verifier-types.ts";

/**
 * The key of the one packed entry. A session that was ended has an entry with the key `s<session id>`, whose value begins
 * with the first letter of the cause; a login that was revoked has `l<login digest>`.
 */
export const packedKey = "c";

/**
 * The packed entry is text, because stores have no bytes: `1|marks|until|keys|names|filter`.
 *
 * | Member | Is |
 * |---|---|
 * | 1 | the version |
 * | marks | any of `o`: the manifest host renews URLs, and `h`: the filter also has names, by their SHA-256 |
 * | until | the second from which the entry is too old to be used |
 * | keys | session keys with commas between them, each `kid:k` or `kid:k:exp` |
 * | names | revoked assets and kids with commas between them, each `a<id>` or `k<kid>` |
 * | filter | a Bloom filter over revoked subjects and tokens, base64url |
 */
export const atMarks = 1;
export const atKeys = 3;
export const atNames = 4;
export const atFilter = 5;
const atUntil = 2;
const version = "1";

/** The members of the packed entry; undefined for any other text, and if the entry is too old. */
export function packedMembers(text: string, now: number): readonly string[] | undefined {
  const members = text.split("|");
  return members.length === 6 && members[0] === version && now < Number(members[atUntil]) ? members : undefined;
}

/** The second from which a packed entry is too old; 0 for any other text. */
export function packedUntil(text: string): number {
  return Number((packedMembers(text, 0) || [])[atUntil] || 0);
}

/** How many bits of the filter an identifier sets. */
export const bitsPerIdentifier = 4;

/**
 * The position of an identifier's bit. Identifiers are HMACs or SHA-256, so pairs of their bytes are random numbers and
 * the filter needs no hash of its own.
 */
export function bitOf(identifier: Pick<Bytes, number>, index: number, size: number): number {
  return (Number(identifier[2 * index]) * 256 + Number(identifier[2 * index + 1])) % size;
}

/** Whether an identifier may be in the filter. If not, it is not revoked. */
export function mayContain(filter: Bytes, identifier: Bytes): boolean {
  let isSet = filter.length > 0;
  for (let index = 0; index < bitsPerIdentifier; index++) {
    const bit = bitOf(identifier, index, filter.length * 8);
    isSet = isSet && ((Number(filter[bit >> 3]) >> (bit & 7)) & 1) > 0;
  }
  return isSet;
}

/**
 * The keys of a list whose kid occurs in the first bytes of a path's grant, with what HKDF-SHA256 derives from them (RFC 5869),
 * as `signing/session-keys.ts` derives it. The others are not needed, and deriving costs more than looking. An entry without a
 * key is none: anybody could sign with it.
 */
export function keysInGrant(list: string, grant: string, primitives: Primitives): readonly VerifierKey[] {
  const start = primitives.decode(grant.slice(0, 120)).toString("utf8");
  return list
    .split(",")
    .map((text) => text.split(":"))
    .filter((parts) => parts[1] && start.indexOf(parts[0] || "") >= 0)
    .map((parts) => {
      const key = parts[1] || "";
      // HKDF without a salt has one of zeros.
      const extracted = primitives.mac(primitives.decode(Array(44).join("A")), primitives.decode(key));
      const derived = (purpose: string) =>
        primitives.mac(extracted, `stagedoor/v1/${purpose}\x01`).toString("base64url");
      const session = (purpose: string) => derived(`session/${purpose}`);
      return {
        kid: parts[0] || "",
        exp: parts[2] ? Number(parts[2]) : undefined,
        grant: key,
        shared: { segment: derived("segment"), key: derived("key") },
        session: {
          playlist: session("playlist"),
          segment: session("segment"),
          key: session("key"),
          file: session("file"),
        },
      };
    });
}
