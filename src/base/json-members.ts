/** A string, or what opens, closes and parts objects and lists. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Whether an object anywhere in a JSON text names a member twice. `JSON.parse` takes the last of them and says nothing,
 * other parsers the first: then two parties read different things in one signed text (RFC 7515 §4, RFC 8725 §2.4). Names
 * are compared as they are read, so an escape is no other name. The text has to be sound: `JSON.parse` took it before.
 */
export function hasDuplicateMembers(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [token] of text.matchAll(tokens)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const names = open.at(-1);
      const name: string = JSON.parse(last);
      if (names?.has(name)) return true;
      names?.add(name);
    }
    last = token;
  }
  return false;
}

/** The name of an unknown member, for an answer. A text that looks like no name, such as a token in the wrong place, is not repeated. */
export function shownMember(name: string): string {
  return /^[\w.$-]{1,64}$/.test(name) ? name : "a member with another name";
}
