import * as z from "zod";

/** Maximum length of a reason, in UTF-16 units. */
export const longestReason = 200;

/** Why an operator revokes something: one line of text for other operators. */
export const reasonSchema = z
  .string()
  .trim()
  .min(1, "Give a reason, or omit it.")
  .max(longestReason, `At most ${longestReason} characters.`)
  .refine((text) => !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text), "Use one line without control characters.");

/** What an operator's entry of the revocation log says to other operators. No check reads it. */
export interface RevocationNote {
  /** The name in the operator's credential. */
  readonly author: string;
  readonly reason?: string | undefined;
  /**
   * The value of the entry that this one belongs to: a viewer is revoked by a digest and by a hash for each key, and an undo
   * lifts them together.
   */
  readonly of?: string | undefined;
}

const textSchema = z.tuple([z.string().max(512), z.string().max(longestReason), z.string().max(256)]);

/** A {@link RevocationNote} that another worker sends. */
export const noteSchema = z.object({
  author: z.string().max(512),
  reason: z.string().max(longestReason).optional(),
  of: z.string().max(256).optional(),
});

/** A note as the stores and the wire have it: a JSON array of author, reason and `of`, each of which may be empty. */
export function writeNote(note: RevocationNote | undefined): string {
  if (note === undefined) return "";
  const { author, reason = "", of = "" } = note;
  return JSON.stringify([author, reason, of]);
}

/** Reads the text of {@link writeNote}; undefined if there is none, or if it is of a later release. */
export function readNote(text: unknown): RevocationNote | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = textSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const [author, reason, of] = parsed.data;
  return { author, ...(reason !== "" && { reason }), ...(of !== "" && { of }) };
}
