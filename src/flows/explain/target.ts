/**
 * The request target, path and query as they go over the wire, of a whole URL or of a path that begins with a slash; undefined
 * for any other text. Nothing is parsed, since parsing folds dot segments.
 */
export function targetOf(text: string): string | undefined {
  const [sent = ""] = text.split("#", 1);
  if (sent.startsWith("/")) return sent;
  if (!/^https?:\/\//i.test(sent)) return undefined;
  const rest = sent.slice(sent.indexOf("://") + 3);
  const end = rest.search(/[/?]/);
  if (end < 0) return "/";
  return rest.charAt(end) === "/" ? rest.slice(end) : `/${rest.slice(end)}`;
}
