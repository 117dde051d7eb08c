/**
 * A token, grant or URL as somebody copied it: without the room and the quotes around it, the header that it stood in, and the rest
 * of its command or of its line in a log. What holds both a token and a URL, as a call of the API with curl does, is about the
 * token.
 */
export function pasted(text: string): string {
  const bare = unquoted(text.trim());
  const token = /(?:^|[\s'"])(?:authorization:\s*)?(?:bearer|dpop)\s+([^\s'"]+)/i.exec(bare);
  if (token?.[1] !== undefined) return token[1];
  if (!/[\s"]/.test(bare)) return bare;
  const url = /https?:\/\/[^\s'"`<>]+/i.exec(bare);
  return url === null ? bare : url[0];
}

function unquoted(text: string): string {
  const quoted = /^(["'`<])(.*)(["'`>])$/s.exec(text);
  return quoted?.[2] === undefined ? text : quoted[2].trim();
}
