import { sha256Of } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { EdgeKey } from "../keys/key.ts";
import { blackoutOf } from "../sessions/blackout.ts";
import { idForm } from "../sessions/identifiers.ts";
import { type LoggedRevocation, type Revocation, revocationCauses } from "../sessions/revocation.ts";
import { atFilter, atNames, bitOf, bitsPerIdentifier, packedUntil } from "./packed-entry.ts";

/** An entry of a KeyValueStore: both are text. */
export interface StoreEntry {
  readonly key: string;
  readonly value: string;
}

/** What the packed entry says. */
export interface PackedState {
  /** The accepted session keys of assets at CloudFront. */
  readonly keys: readonly Pick<EdgeKey, "kid" | "k" | "exp">[];
  /** The entries of the revocation log that are in force. */
  readonly revocations: Iterable<Revocation>;
  /** From this second on the function does not use the store, unless the entry is written again. */
  readonly until: UnixSeconds;
  /** Whether expired URLs are renewed by the function, or by the manifest host, which asks the log and the leases. */
  readonly renewal: "function" | "manifest";
}

/** A value of a KeyValueStore has at most 1 KB. */
const maxValue = 1024;

/** Characters that the filter has at least: names that would leave it fewer go into the filter. */
const minFilter = 256;

/**
 * The key of an entry for the store's writer alone: the second until which the manifest host renews URLs, because entries are
 * missing. A writer that starts again reads it.
 */
export const hostRenewsKey = "o";

/** How much of a viewer's hash an entry has: enough to count a viewer's entries after a restart of the writer. */
const subjectTag = 4;

/** What the entries of one viewer are counted by, whether they come from the log or from the store; undefined if nobody knows. */
export function viewerOf({ subject }: LoggedRevocation): string | undefined {
  return subject !== undefined && idForm.test(subject) ? subject.slice(0, subjectTag) : subject;
}

/**
 * The entry that ends one session or login; undefined for the other kinds, which are in the packed entry. The value is the
 * first letter of the cause, the second from which the entry can be removed, an `o` if an operator made it, and otherwise a dot
 * and the first characters of the viewer's hash.
 */
export function endingEntry(revocation: LoggedRevocation): StoreEntry | undefined {
  const { kind, value, cause, until, by } = revocation;
  if (kind !== "session" && kind !== "login") return undefined;
  const viewer = viewerOf(revocation);
  const maker = by === "operator" ? "o" : viewer?.length === subjectTag ? `.${viewer}` : "";
  return { key: `${kind.charAt(0)}${value}`, value: `${cause.charAt(0)}${until}${maker}` };
}

/** What an entry of {@link endingEntry} says; undefined for any other. A store does not say when the session was ended. */
export function endedIn(key: string, text: string): LoggedRevocation | undefined {
  const kind = (["session", "login"] as const).find((each) => each.charAt(0) === key.charAt(0));
  const [, letter, seconds, maker, subject] = /^([rts])([0-9]{1,12})(o|\.([\w-]{4}))?$/.exec(text) ?? [];
  const cause = revocationCauses.find((each) => each.charAt(0) === letter);
  const value = key.slice(1);
  if (kind === undefined || cause === undefined || !/^[\w-]{22,64}$/.test(value)) return undefined;
  const until = unixSeconds(Number(seconds));
  const by = maker === "o" ? "operator" : "viewer";
  return {
    kind,
    value,
    cause,
    at: unixSeconds(0),
    until,
    lastGrant: until,
    by,
    ...(subject !== undefined && { subject }),
  };
}

/** The assets and kids that a packed entry has by name. It does not say until when: this is what their entries get. */
export function revokedNames(packed: string, until: UnixSeconds): readonly LoggedRevocation[] {
  const names = packedUntil(packed) > 0 ? (packed.split("|")[atNames] ?? "").split(",") : [];
  return names.flatMap((name) => {
    const kind = (["asset", "key"] as const).find((each) => each.charAt(0) === name.charAt(0));
    const value = name.slice(1);
    return kind === undefined ? [] : [{ kind, value, cause: "revoked", at: unixSeconds(0), until, by: "operator" }];
  });
}

/**
 * Writes the packed entry (its form is in `packed-entry.ts`). Revoked assets and kids are in it by name, so that the
 * function refuses them. Names that do not fit, subjects and tokens are in the filter: a hit is no verdict, but asks the
 * manifest host. So are the assets that are blacked out somewhere, by their names. So the entry is never wrong, and the more the filter has to hold, the more requests the host decides.
 * Refused if the keys leave no room.
 */
export function packedEntry({ keys, revocations, until, renewal }: PackedState): Result<string, string> {
  const listed = keys.map(({ kid, k, exp }) => (exp === undefined ? `${kid}:${k}` : `${kid}:${k}:${exp}`)).join(",");
  const names: string[] = [];
  const identifiers: Uint8Array[] = [];
  const marks = renewal === "manifest" ? "o" : "";
  const head = (hashed: string) => `1|${marks}${hashed}|${until}|${listed}|`;
  const room = maxValue - minFilter - head("h").length - 1;
  if (room < 0)
    return refuse(
      `the ${keys.length} session keys of CloudFront need ${-room} bytes more than an entry of ${maxValue} bytes has: ` +
        "remove the retired ones with npx stagedoor keys remove",
    );
  let isHashed = false;
  let used = 0;
  for (const { kind, value } of revocations) {
    // The function does not know a viewer's region or network: the manifest host, which does, serves the asset meanwhile.
    const blackout = blackoutOf({ kind, value });
    if (blackout !== undefined) {
      identifiers.push(sha256Of(`a${blackout.asset}`));
      isHashed = true;
      continue;
    }
    if (kind === "asset" || kind === "key") {
      const name = `${kind.charAt(0)}${value}`;
      // A name of another form would be read as several members.
      if (/^[\w.-]+$/.test(value) && used + name.length < room) {
        names.push(name);
        used += name.length + 1;
      } else {
        identifiers.push(sha256Of(name));
        isHashed = true;
      }
    } else if ((kind === "subject" || kind === "token") && idForm.test(value)) {
      // Digests, which are longer, forbid tokens to start streams; grants have hashes.
      const identifier = decodeBase64url(value);
      if (identifier !== undefined) identifiers.push(identifier);
    }
  }
  const text = `${head(isHashed ? "h" : "")}${names.join(",")}|`;
  return ok(text + filterOf(identifiers, Math.floor(((maxValue - text.length) * 3) / 4)));
}

/**
 * The share of requests of viewers who are not revoked that a packed entry's filter sends to the manifest host: from 0 to 1. Each
 * is looked for by two identifiers.
 */
export function filterShare(packed: string): number {
  const filter = decodeBase64url(packed.split("|")[atFilter] ?? "") ?? new Uint8Array();
  if (filter.length === 0) return 0;
  let set = 0;
  for (const byte of filter) for (let bits = byte; bits > 0; bits >>= 1) set += bits & 1;
  return 1 - (1 - (set / (8 * filter.length)) ** bitsPerIdentifier) ** 2;
}

/** A Bloom filter of this many bytes; empty if it has nothing. */
function filterOf(identifiers: readonly Uint8Array[], length: number): string {
  if (identifiers.length === 0) return "";
  const filter = new Uint8Array(length);
  for (const identifier of identifiers)
    for (let index = 0; index < bitsPerIdentifier; index++) {
      const bit = bitOf(identifier, index, length * 8);
      filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  return encodeBase64url(filter);
}
