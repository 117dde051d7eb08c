import { extensionOf } from "../base/alias.ts";
import { canonicalQuery } from "../base/canonical-path.ts";

const parameter = "download=";
const longest = 128;

/**
 * How to fix the name under which a browser saves a file, or undefined if it is safe: no path, nothing that a shell or a
 * file system reads as more than a name, nothing invisible that hides the extension, and the file's own extension
 * (`film.mp4` cannot be saved as `film.exe`).
 */
export function downloadFault(name: string, path: string): string | undefined {
  if (name === "" || name.length > longest) return `Use 1 to ${longest} characters.`;
  if (!name.isWellFormed() || /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(name))
    return "Remove control characters and invisible characters.";
  if (/[\\/:*?"<>|%;]/.test(name)) return 'Remove the characters \\ / : * ? " < > | % and ;.';
  if (/^[.\s]|[.\s]$/.test(name)) return "Begin and end it with neither a dot nor a space.";
  const extension = extensionOf(path);
  return extensionOf(name).toLowerCase() === extension.toLowerCase() ? undefined : `End it with .${extension}.`;
}

/** The query that a `file` URL carries for a download, in canonical form: `download=My%20Film.mp4`. */
export function downloadQuery(name: string): string {
  return parameter + canonicalQuery(encodeURIComponent(name));
}

/** The name in the signed query of a `file` URL, which then has no query of the origin; undefined if there is none. */
export function downloadIn(query: string): string | undefined {
  if (!query.startsWith(parameter) || query.includes("&")) return undefined;
  try {
    return decodeURIComponent(query.slice(parameter.length));
  } catch {
    return undefined;
  }
}

/**
 * Content-Disposition (RFC 6266 §4): the name in ASCII for old clients, and in UTF-8 (RFC 8187 §3.2). No character of the
 * name can end the quoted string or the header.
 */
export function contentDisposition(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]/gu, "_").replace(/["\\%]/g, "_");
  // encodeURIComponent leaves four characters that are no attr-char.
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
