/**
 * The default step to which expiries are rounded, in milliseconds. Within one step, all responses have the same URLs.
 */
const step = 30_000;

/**
 * The number of the step that contains a time. Expiries are rounded up to whole seconds, so a step ends with a second.
 */
function expiryStep(time: number): number {
  return Math.floor((time - 1000) / step);
}

/** The result of `work` within one step. It runs again if a step ended meanwhile. */
export async function withinOneStep<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    const step = expiryStep(Date.now());
    const value = await work();
    if (expiryStep(Date.now()) === step) return value;
  }
}
