/** Tells of what the library logs: at which level, and the words of its message that it always has. */
export type IdentityLog = (level: string, message: string) => void;

/**
 * The fixed words of a message of the library. What it choked on stands behind a colon or in quotes, and may be an address
 * or a token; its further arguments (errors, rows) are never looked at.
 */
export function fixedWords(message: string): string {
  return message.replace(/[:"'`{[(\n][\s\S]*$/, "").slice(0, 120);
}
