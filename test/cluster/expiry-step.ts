/** The step to which expiries are rounded by default, in milliseconds: within one, all loads give the same URLs. */
const step = 30_000;

/** The number of the step in which a time lies. Expiries are rounded up in whole seconds, so a step ends with a second. */
function expiryStep(time: number): number {
  return Math.floor((time - 1000) / step);
}

/** What `work` gives within one step. It is done again where a step ended meanwhile. */
export async function withinOneStep<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    const step = expiryStep(Date.now());
    const value = await work();
    if (expiryStep(Date.now()) === step) return value;
  }
}
