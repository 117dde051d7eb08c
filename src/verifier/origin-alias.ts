import { canonicalQuery, hasPrefix, isCanonical } from "./signed-target.ts";
import type { Primitives } from "./verifier-types.ts";

/** A file of an asset, in the bytes of the request to its origin. */
export interface AliasedFile {
  readonly path: string;
  readonly query: string;
}

/**
 * The file of an alias, by the rules of `originFileOf` (`base/alias.ts`). `alias` is the path below the asset. It was
 * signed, so a refusal means a fault of the signer: `path_invalid` if it is not the one alias of a file that needs one,
 * `uri_foreign` if a server that decodes the path once or twice could read another file.
 */
export function fileOfAlias(
  alias: string,
  query: string,
  primitives: Primitives,
): AliasedFile | "path_invalid" | "uri_foreign" {
  const text = String(alias.slice(2).split(".")[0]);
  const bytes = primitives.decode(text);
  if (query || alias.length > 8192 || bytes.toString("base64url") !== text) return "path_invalid";
  const payload = bytes.toString("utf8");
  const mark = `${payload}?`.indexOf("?");
  const file = { path: payload.slice(0, mark), query: payload.slice(mark + 1) };
  if (isPlain(file) || !isSendable(file)) return "path_invalid";
  if (isForeign(payload)) return "uri_foreign";
  const name = /\.([a-z\d]{1,8})(?=;|%3b|$)/i.exec(file.path.slice(file.path.lastIndexOf("/") + 1));
  // The mark of an empty query would be a second spelling.
  return alias === `~/${text}${name ? `.${name[1]}` : ""}` && mark + 1 !== payload.length ? file : "path_invalid";
}

/** Whether the file keeps its own path, and has no alias. */
function isPlain(file: AliasedFile): boolean {
  return !hasPrefix(file.path, "~/") && isCanonical(`/${file.path}`) && canonicalQuery(file.query) === file.query;
}

/** Whether a client sends the path and the query as they are: other characters would be encoded, and other dots decoded. */
function isSendable(file: AliasedFile): boolean {
  return !(
    /[^!-~]|["#<>?^`{}]|%(?![\da-f]{2})|(^|\/)(\.?%2e|%2e(\.|%2e))(\/|$)/i.test(file.path) ||
    /[^!-~]|["#<>']/.test(file.query)
  );
}

/** Whether a control character, a backslash, overlong UTF-8 or a dot segment is in a text, decoded up to twice. */
function isForeign(payload: string): boolean {
  // A mark ends the last segment as an end would. Without it njs 0.7.9 may read beyond the end of a text: `canonicalQuery`.
  let text = `${payload}?`;
  for (let i = 0; i < 3; i++) {
    if (/[^ -~\x80-\xff]|[\\\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]|(^|[/?#])\.\.?[;/?#]/.test(text)) return true;
    text = text.replace(/%([\da-f]{2})/gi, (_, byte) => String.fromCharCode(parseInt(byte, 16)));
  }
  return false;
}
