/**
 * Whether two strings are the same, in a time that depends on their lengths alone. It stops the attack that finds a
 * signature character by character from how long its refusal takes.
 */
export function equalInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ (b.charCodeAt(i % b.length) | 0);
  return difference === 0;
}
