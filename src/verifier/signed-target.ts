/** The last point in time that is accepted, 9999-12-31T23:59:59Z. */
export const latest = 253402300799;

/** A parameter of our form, or nothing, because no match costs 20 KB in njs. `tpl` is reserved for a later version. */
const signedForm = /^(list|seg|key|file|tpl)=(0|[1-9]\d{0,14})\.[^&]{22}$|/;

/**
 * Where our parameter ends in a query; 0 if there is none. It is the last one of its form: a player appends others after
 * it, and an origin's own `key=` comes before. See `parseMediaTarget` (`signing/media-url.ts`).
 */
export function signedEnd(query: string): number {
  for (let end = query.length; end > 0; ) {
    const start = query.lastIndexOf("&", end - 1) + 1;
    // The dot is compared first, so that a query of ampersands costs little.
    if (
      query.charAt(end - 23) === "." &&
      !query.slice(start, end).replace(signedForm, "") &&
      Number(query.slice(query.indexOf("=", start) + 1, end - 23)) <= latest
    )
      return end;
    end = start - 1;
  }
  return 0;
}

/**
 * Edges leave a request with a longer query to the core. Its canonical spelling would cost them several milliseconds, in which nginx
 * serves nobody else, and after which CloudFront throttles a function.
 */
export const longestQuery = 1024;

/**
 * Whether a path is in the one spelling that is signed and served, by the rules of `pathFault`
 * (`base/canonical-path.ts`). In interpreters, a search for one class or one first character is much faster than a loop.
 */
export function isCanonical(path: string): boolean {
  return (
    path.charAt(0) === "/" &&
    // From "$" to ":" are the digits and $%&'()*+,-./: and an escape is of a character that needs one, in upper case, and
    // does not begin overlong UTF-8.
    !/[^!$-:=@\w~]|\/(\/|\.\.?(\/|$))|%(?!2[023]|3[CEF]|5[BDE]|60|7[B-D]|[89ABDEF][\dA-F]|C[2-9A-F])|%E0%[89]|%F0%8/.test(
      path,
    )
  );
}

/**
 * The canonical spelling of an ASCII query, as `canonicalQuery` of `base/canonical-path.ts` writes it: reserved
 * characters are encoded, except `+`, `&` and the first `=` of a pair, and unreserved ones are not.
 *
 * Interpreters free nothing before the end of a request. In njs 0.7.9 a regular expression that does not match costs 20 KB,
 * and a template literal 320 bytes, for each of up to 8,192 characters. It also reads beyond the end of a text that has
 * characters outside ASCII and a multiple of 32 characters, if a global match is the last one.
 */
export function canonicalQuery(query: string): string {
  const parts: string[] = [];
  let isName = true;
  for (let at = 0; at < query.length; at++) {
    let character = query.charAt(at);
    if (character === "&") isName = true;
    else if (character === "=" && isName) isName = false;
    else if (character !== "+") {
      const digits = query.slice(at + 1, at + 3).toLowerCase();
      const code = parseInt(digits, 16);
      if (character === "%" && hexOfByte(code) === digits) {
        character = String.fromCharCode(code);
        at += 2;
      }
      // Of what encodeURIComponent keeps, !'()* come before "-", and the unreserved characters do not.
      if (character < "-" || encodeURIComponent(character) !== character)
        character = "%".concat(hexOfByte(character.charCodeAt(0)).toUpperCase());
    }
    parts.push(character);
  }
  return parts.join("");
}

/** Whether a text begins with another. */
export function hasPrefix(text: string, prefix: string): boolean {
  return text.slice(0, prefix.length) === prefix;
}

/** A path's first segment. */
export function firstSegment(path: string): string {
  return path.slice(1, `${path}/`.indexOf("/", 1));
}

/** A byte in two digits. */
export function hexOfByte(byte: number): string {
  return (byte + 256).toString(16).slice(1);
}
