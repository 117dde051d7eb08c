import type { TextHash } from "../base/hash.ts";
import { after, between, seconds, type UnixSeconds } from "../base/seconds.ts";

/**
 * How long what was written is believed more than the store, which may show what it was before for a minute at each place,
 * and then for as long as it keeps an answer there.
 */
const trust = seconds(120);

/** What whoever edits the catalog remembers of his last writing. */
export interface EditNotes {
  /** What he wrote last, and when the store had it. */
  readonly text: string;
  readonly at: UnixSeconds;
  /** The texts that came before it, by their names, and until when the store may still show each. */
  readonly earlier: readonly { readonly name: string; readonly until: UnixSeconds }[];
}

/**
 * The catalog to go on from: what the store shows, but for two minutes what was written last where the store shows a text
 * that came before that. Any other text was written by somebody else since, with wrangler as a rule: then it stands, so that
 * nothing of his is lost.
 */
export function trustedText(
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

/** The notes after `text` was written in the place of `base`. */
export function noteWriting(
  before: EditNotes | undefined,
  { base, text }: { readonly base: string | undefined; readonly text: string },
  now: UnixSeconds,
  sha256: TextHash,
): EditNotes {
  const earlier = new Map(before?.earlier.filter(({ until }) => now < until).map(({ name, until }) => [name, until]));
  // Both: where somebody else had written, the store may still show either.
  for (const old of before === undefined ? [base] : [base, before.text])
    earlier.set(nameOf(old, sha256), after(now, trust));
  earlier.delete(nameOf(text, sha256));
  return { text, at: now, earlier: [...earlier].map(([name, until]) => ({ name, until })) };
}

function nameOf(text: string | undefined, sha256: TextHash): string {
  return text === undefined ? "none" : sha256(text);
}
