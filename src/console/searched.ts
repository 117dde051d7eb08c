/** What the overview is searched for, as it was typed: empty for all. Both stand in the page's address. */
export interface Searched {
  readonly find: string;
  readonly request: string;
}

/** An id of this service's that is 128 bits: a session's, or the keyed hash of a viewer. */
const oneId = /^[A-Za-z0-9_-]{22}$/;

/** Whether a text can be the id of a session, or the keyed hash of a viewer. */
export function isId(text: string): boolean {
  return oneId.test(text);
}

export function searchedIn(fields: URLSearchParams): Searched {
  return { find: fields.get("find") ?? "", request: fields.get("request") ?? "" };
}

/** The overview's address with what it is searched for, and with what was done. */
export function overviewAt(searched: Partial<Searched>, more: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ ...searched, ...more }).filter(([, text]) => text !== "");
  return fields.length === 0 ? "/console" : `/console?${new URLSearchParams(fields)}`;
}
