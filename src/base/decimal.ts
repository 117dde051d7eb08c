/**
 * The whole number that stands in `text` from `from` up to `to`: 1 to 15 ASCII digits, so that it is exact, and nothing
 * else, or undefined. Zeros may lead: who compares spellings refuses them with {@link hasLeadingZero}.
 */
export function readDecimal(text: string, from = 0, to = text.length): number | undefined {
  if (to <= from || to - from > 15) return undefined;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether the digits from `from` up to `to` are a second spelling of a number: `07`, and not `0`. */
export function hasLeadingZero(text: string, from = 0, to = text.length): boolean {
  return to - from > 1 && text.charCodeAt(from) === 0x30;
}
