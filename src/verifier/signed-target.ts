/** The last point in time that is accepted, 9999-12-31T23:59:59Z. */
export const latest = 253402300799;

/** A parameter of our form. `tpl` is reserved for a later version. */
const signedForm = /^(list|seg|key|file|tpl)=(0|[1-9]\d{0,14})\.[^&]{22}$/;

/**
 * Where our parameter ends in a query; 0 if there is none. It is the last one of its form: a player appends others after
 * it, and an origin's own `key=` comes before. See `parseMediaTarget` (`signing/media-url.ts`).
 */
export function signedEnd(query: string): number {
  for (let end = query.length; end > 0; ) {
    const start = query.lastIndexOf("&", end - 1) + 1;
    // The dot is compared first, so that a query of ampersands costs little.
    if (
      query.charCodeAt(end - 23) === 0x2e &&
      signedForm.test(query.slice(start, end)) &&
      Number(query.slice(query.indexOf("=", start) + 1, end - 23)) <= latest
    )
      return end;
    end = start - 1;
  }
  return 0;
}

/**
 * Whether a path is in the one spelling that is signed and served, by the rules of `pathFault`
 * (`base/canonical-path.ts`). In interpreters, a search for one class or one first character is much faster than a loop.
 */
export function isCanonical(path: string): boolean {
  return !(
    path.charAt(0) !== "/" ||
    // From "$" to ":" are the digits and $%&'()*+,-./:
    /[^!$-:=@\w~]/.test(path) ||
    /\/(\/|\.\.?(\/|$))/.test(path) ||
    // An escape is of a character that needs one, in upper case, and does not begin overlong UTF-8.
    /%(?!2[023]|3[CEF]|5[BDE]|60|7[B-D]|[89ABDEF][\dA-F]|C[2-9A-F])|%E0%[89]|%F0%8/.test(path)
  );
}

/**
 * The canonical spelling of an ASCII query, as `canonicalQuery` of `base/canonical-path.ts` writes it: reserved
 * characters are encoded, except `+`, `&` and the first `=` of a pair, and unreserved ones are not.
 */
export function canonicalQuery(query: string): string {
  // The mark of a first "=" is not ASCII, so no query contains it.
  return query
    .replace(/(^|&)([^&=]*)=/g, "$1$2\xa6")
    .replace(/%[\da-f]{2}|[^\w.~+&\xa6-]/gi, (found) => {
      const code = found.length > 1 ? parseInt(found.slice(1), 16) : found.charCodeAt(0);
      const character = String.fromCharCode(code);
      return /[\w.~-]/.test(character) ? character : `%${(code + 256).toString(16).slice(1).toUpperCase()}`;
    })
    .replace(/\xa6/g, "=");
}
