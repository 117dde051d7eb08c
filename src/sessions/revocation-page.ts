import { isUnixSeconds } from "../base/time.ts";
import { type Revocation, type RevocationDelta, revocationCauses, revocationKinds } from "./revocation.ts";

/** What the log's object answers: a delta that does not say yet as of when, which the asker's own clock does. */
export type RevocationPage = Omit<RevocationDelta, "asOf">;

/** How long the name of what is revoked may be. */
export const longestName = 256;

const kinds = new Map(revocationKinds.map((kind) => [String(kind), kind]));
const causes = new Map(revocationCauses.map((cause) => [String(cause), cause]));

/**
 * A page as text, each entry a row `["session","<id>","taken",<at>,<until>]`. It is written once by the object and read once by
 * an isolate: a new one reads the whole log before its first answer, so the rows are no objects and no schema looks at them.
 */
export function writePage({ cursor, reset, more, entries }: RevocationPage): string {
  const rows = entries.map(({ kind, value, cause, at, until }) => [kind, value, cause, at, until]);
  return JSON.stringify({ cursor, reset, more, rows });
}

/** Reads what {@link writePage} wrote; undefined for any other text, as a worker of another version or a cache may answer. */
export function readPage(text: string): RevocationPage | undefined {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(page)) return undefined;
  const { cursor, reset, more, rows } = page;
  if (typeof cursor !== "number" || !Number.isSafeInteger(cursor) || cursor < 0) return undefined;
  if (typeof reset !== "boolean" || typeof more !== "boolean" || !Array.isArray(rows)) return undefined;
  const entries: Revocation[] = [];
  for (const row of rows) {
    const entry = Array.isArray(row) ? readEntry(row) : undefined;
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return { cursor, reset, more, entries };
}

/** Reads the row of an entry; undefined for what is none. */
export function readEntry([kindName, value, causeName, at, until]: readonly unknown[]): Revocation | undefined {
  const kind = typeof kindName === "string" ? kinds.get(kindName) : undefined;
  const cause = typeof causeName === "string" ? causes.get(causeName) : undefined;
  if (kind === undefined || cause === undefined || !isName(value)) return undefined;
  return isUnixSeconds(at) && isUnixSeconds(until) ? { kind, value, cause, at, until } : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestName;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
