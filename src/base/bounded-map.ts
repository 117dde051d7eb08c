/** Makes room for one more entry in a map of at most `capacity` entries. The oldest entry is removed. */
export function makeRoom(map: Map<unknown, unknown>, capacity: number): void {
  if (map.size < capacity) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

/**
 * Remembers what a pure function says of a text under a rule, for rules that live as long as their catalog: the same site and
 * player come with every poll of a playlist.
 */
export class RememberedTexts<Rule extends object, Value> {
  readonly #byRule = new WeakMap<Rule, Map<string, Value>>();
  readonly #capacity: number;

  /** `capacity`: of each rule. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  of(rule: Rule, text: string, compute: (rule: Rule, text: string) => Value): Value {
    const known = this.#byRule.get(rule) ?? new Map<string, Value>();
    const found = known.get(text);
    if (found !== undefined) return found;
    const value = compute(rule, text);
    makeRoom(known, this.#capacity);
    known.set(text, value);
    this.#byRule.set(rule, known);
    return value;
  }
}

/** A map whose values together weigh at most `capacity`. The least recently used values are removed first. */
export class WeighedMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  readonly #capacity: number;
  #weight = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** A value heavier than the capacity is not stored. */
  put(key: string, value: Value, weight: number): void {
    this.delete(key);
    if (weight > this.#capacity) return;
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#capacity) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }
}
