import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, between, type Clock, inTime, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import {
  type CatalogChange,
  type CatalogEdit,
  type CatalogEditing,
  type EditRefusal,
  editCatalog,
  storedCatalog,
} from "./edit-catalog.ts";

export interface EditingParts {
  /** The store that all processes read. Both reject if it does not respond. */
  readonly store: {
    readonly load: () => Promise<string | undefined>;
    /** Replaces `base`. False if a store that compares has another text: then nothing was written. */
    readonly save: (text: string, base: string | undefined) => Promise<boolean>;
  };
  /** Survives a restart. */
  readonly notes: { readonly read: () => EditNotes | undefined; readonly write: (notes: EditNotes) => void };
  readonly clock: Clock;
  readonly timer: Timer;
  readonly sha256: TextHash;
}

/** KV accepts one write per key and second and rejects the next, so a retry waits this long. */
const pause = seconds(1.2);
const tries = 3;

/** Maximum number of times that another process may change the catalog first. */
const mostLost = 10;
const loadTimeout = seconds(3);

interface Waiting {
  readonly edit: CatalogEdit;
  readonly settle: (answer: Result<CatalogChange, EditRefusal>) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Edits one catalog; there must be one of these per store, unless the store compares. Changes that arrive during a write are made after it, in
 * order, with one write. Each is validated separately, so a faulty one does not block others. Each is answered after
 * the store has it.
 */
export function editInTurn({ store, notes, clock, timer, sha256 }: EditingParts): CatalogEditing {
  let waiting: Waiting[] = [];
  let running = false;

  const current = async () => {
    const stored = await inTime(store.load(), loadTimeout, timer);
    if (stored === "late") throw new Error("the catalog's store did not respond in time");
    return trustedText(stored, notes.read(), clock(), sha256);
  };

  const save = async (text: string, base: string | undefined): Promise<boolean> => {
    for (let left = tries - 1; left > 0; left--) {
      try {
        return await store.save(text, base);
      } catch {
        await new Promise<void>((resolve) => timer(pause, resolve));
      }
    }
    return store.save(text, base);
  };

  const makeAll = async (edits: readonly CatalogEdit[]): Promise<readonly Result<CatalogChange, EditRefusal>[]> => {
    for (let lost = 0; lost < mostLost; lost++) {
      const answers = await makeOnce(edits);
      if (answers !== undefined) return answers;
    }
    throw new Error("other processes changed the catalog at every attempt to replace it");
  };

  /** Undefined if another process changed the catalog in the meantime. */
  const makeOnce = async (
    edits: readonly CatalogEdit[],
  ): Promise<readonly Result<CatalogChange, EditRefusal>[] | undefined> => {
    const read = await resultOf(current());
    if (!read.ok) return edits.map(() => read);
    const base = read.value;
    let text = base;
    const answers = edits.map((edit) => {
      const edited = editCatalog(text, edit);
      if (!edited.ok) return edited;
      text = edited.value.text;
      return ok(edited.value.change);
    });
    if (text === undefined || text === base) return answers;
    const saved = await resultOf(save(text, base));
    if (!saved.ok) return edits.map(() => saved);
    if (!saved.value) return undefined;
    // After the write: the other way round, a failed write would come back with the next one.
    notes.write(noteWriting(notes.read(), { base, text }, clock(), sha256));
    return answers;
  };

  const work = async () => {
    running = true;
    while (waiting.length > 0) {
      const turn = waiting;
      waiting = [];
      try {
        const answers = await makeAll(turn.map(({ edit }) => edit));
        for (const [at, answer] of answers.entries()) turn[at]?.settle(answer);
      } catch (error) {
        for (const { fail } of turn) fail(error);
      }
    }
    running = false;
  };

  const inTurn = (edit: CatalogEdit) =>
    new Promise<Result<CatalogChange, EditRefusal>>((settle, fail) => {
      waiting.push({ edit, settle, fail });
      if (!running) void work();
    });

  return {
    read: async () => {
      const text = await resultOf(current());
      return text.ok ? ok(storedCatalog(text.value)) : text;
    },
    put: async (id, asset, replace = true) => {
      const put = await inTurn({ does: "put", id, asset, replace });
      if (put.ok) return put;
      if (put.refusal.code === "asset_unknown") throw new Error("a put needs no existing asset");
      return refuse(put.refusal);
    },
    set: (id, members) => inTurn({ does: "set", id, members }),
    remove: (id) => inTurn({ does: "remove", id }),
  };
}

async function resultOf<Value>(request: Promise<Value>): Promise<Result<Value, Refusal<"store_unavailable">>> {
  try {
    return ok(await request);
  } catch {
    return refusal("store_unavailable", "the catalog's store did not respond");
  }
}

/**
 * How long the last write is preferred over the store. KV may return the old text for a minute per location, and then
 * for as long as its answer is cached.
 */
const trust = seconds(120);

/** The editor's notes about its last write. */
export interface EditNotes {
  /** The last written text, and when the store had it. */
  readonly text: string;
  readonly at: UnixSeconds;
  /** Hashes of earlier texts, and until when the store may still return each. */
  readonly earlier: readonly { readonly name: string; readonly until: UnixSeconds }[];
}

/**
 * The catalog to edit: the stored text, or for two minutes the last write, if the store returns an earlier text. Any
 * other text was written by another tool, usually wrangler. It is kept, so that no change is lost.
 */
function trustedText(
  stored: string | undefined,
  notes: EditNotes | undefined,
  now: UnixSeconds,
  sha256: TextHash,
): string | undefined {
  if (notes === undefined || between(notes.at, now) >= trust) return stored;
  const name = nameOf(stored, sha256);
  const isOld = notes.earlier.some((text) => text.name === name && now < text.until);
  return isOld ? notes.text : stored;
}

/** The notes after `text` replaced `base`. */
function noteWriting(
  before: EditNotes | undefined,
  { base, text }: { readonly base: string | undefined; readonly text: string },
  now: UnixSeconds,
  sha256: TextHash,
): EditNotes {
  const earlier = new Map(before?.earlier.filter(({ until }) => now < until).map(({ name, until }) => [name, until]));
  // Both: after another tool has written, the store may still return either.
  for (const old of before === undefined ? [base] : [base, before.text])
    earlier.set(nameOf(old, sha256), after(now, trust));
  earlier.delete(nameOf(text, sha256));
  return { text, at: now, earlier: [...earlier].map(([name, until]) => ({ name, until })) };
}

function nameOf(text: string | undefined, sha256: TextHash): string {
  return text === undefined ? "none" : sha256(text);
}
