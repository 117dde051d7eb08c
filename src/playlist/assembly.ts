import type { Hole, UriPurpose } from "./template.ts";

/** One distinct URL, before its lifetime is known. */
export interface Url {
  readonly purpose: UriPurpose;
  readonly path: string;
  readonly query: string;
}

/** Cuts a playlist's text into literals and holes, front to back. What nobody asks to change stays as it is. */
export class Assembly {
  readonly literals: string[] = [];
  readonly holes: Hole[] = [];
  readonly urls: Url[] = [];
  readonly #indices = new Map<string, number>();
  readonly #text: string;
  #from = 0;
  #before = "";

  constructor(text: string) {
    this.#text = text;
  }

  /** Opens a hole for `url` in place of the text from `start` to `end`; returns the index of the distinct URL. */
  open(start: number, end: number, reference: string, url: Url): number {
    this.literals.push(this.#before + this.#text.slice(this.#from, start));
    this.#before = "";
    this.#from = end;
    const target = this.#indexOf(url);
    this.holes.push({ target, reference });
    return target;
  }

  /** Writes `written` in place of the text from `start` to `end`. */
  replace(start: number, end: number, written: string): void {
    this.#before += this.#text.slice(this.#from, start) + written;
    this.#from = end;
  }

  /** Everything behind the last change becomes the last literal. */
  close(): void {
    this.literals.push(this.#before + this.#text.slice(this.#from));
  }

  #indexOf(url: Url): number {
    const key = `${url.purpose} ${url.path}?${url.query}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.urls.push(url) - 1;
    this.#indices.set(key, index);
    return index;
  }
}
