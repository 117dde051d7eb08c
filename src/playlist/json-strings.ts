/** One value of a JSON document: where it is, and what it is. */
export interface JsonValue {
  /** Member names from the root, with `*` for an element of an array: `["ASSETS", "*", "URI"]`. */
  readonly path: readonly string[];
  /** Undefined for a number, true, false or null, and for an object or array. */
  readonly string: { readonly value: string; readonly start: number; readonly end: number } | undefined;
}

/** Deeper documents are refused: neither an asset list nor a steering manifest needs more than six levels. */
const deepest = 32;

/**
 * The values of a JSON text (RFC 8259), each with its place, so that one can be replaced and all other bytes stay. `start`
 * and `end` enclose what is between the quotation marks. Undefined for what is not JSON, for nesting deeper than 32, and for
 * an object with two members of one name: parsers disagree about which of them counts.
 */
export function jsonValues(text: string): readonly JsonValue[] | undefined {
  try {
    JSON.parse(text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text);
  } catch {
    return undefined;
  }
  return new Walker(text).values();
}

const byteOrderMark = 0xfeff;
const quote = 0x22;

/** Walks a text that JSON.parse accepted, so it meets no syntax error. */
class Walker {
  readonly #text: string;
  readonly #found: JsonValue[] = [];
  readonly #path: string[] = [];
  #at: number;
  #sound = true;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.charCodeAt(0) === byteOrderMark ? 1 : 0;
  }

  values(): readonly JsonValue[] | undefined {
    this.#value();
    return this.#sound ? this.#found : undefined;
  }

  #value(): void {
    if (this.#path.length > deepest) this.#sound = false;
    if (!this.#sound) return;
    const first = this.#next();
    const path = [...this.#path];
    if (first === quote) this.#found.push({ path, string: this.#string() });
    else {
      this.#found.push({ path, string: undefined });
      if (first === 0x7b) this.#object();
      else if (first === 0x5b) this.#array();
      else while (this.#at < this.#text.length && !",]} \t\r\n".includes(this.#text.charAt(this.#at))) this.#at++;
    }
  }

  #object(): void {
    const names = new Set<string>();
    this.#at++;
    while (this.#sound && this.#next() !== 0x7d) {
      if (this.#next() === 0x2c) this.#at++;
      this.#next();
      const { value: name } = this.#string();
      if (names.has(name)) this.#sound = false;
      names.add(name);
      this.#next();
      this.#at++; // the colon
      this.#within(name);
    }
    this.#at++;
  }

  #array(): void {
    this.#at++;
    while (this.#sound && this.#next() !== 0x5d) {
      if (this.#next() === 0x2c) this.#at++;
      this.#within("*");
    }
    this.#at++;
  }

  #within(name: string): void {
    this.#path.push(name);
    this.#value();
    this.#path.pop();
  }

  #string(): { value: string; start: number; end: number } {
    const start = this.#at + 1;
    let end = start;
    while (this.#text.charCodeAt(end) !== quote) end += this.#text.charAt(end) === "\\" ? 2 : 1;
    this.#at = end + 1;
    return { value: String(JSON.parse(`"${this.#text.slice(start, end)}"`)), start, end };
  }

  /** The next character that is no white space. */
  #next(): number {
    while (" \t\r\n".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }
}
