/**
 * The text of a request's or a response's body (UTF-8), or undefined where it is longer than `limit` bytes: then the rest is
 * not read, so that nobody fills a worker's memory, by a body that he needs no token for or as a provider that was taken over.
 */
export async function boundedText({ body }: Pick<Body, "body">, limit: number): Promise<string | undefined> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    length += chunk.value.length;
    if (length > limit) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(chunk.value, { stream: true });
  }
  return text + decoder.decode();
}
