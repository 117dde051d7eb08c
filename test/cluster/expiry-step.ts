/** The step to which expiries are rounded by default, in milliseconds: within one, all loads give the same URLs. */
const step = 30_000;

/** The number of the step in which a time lies. Expiries are rounded up in whole seconds, so a step ends with a second. */
export function expiryStep(time: number): number {
  return Math.floor((time - 1000) / step);
}

/** Waits where less than `time` milliseconds of a step are left, so that what follows falls into one. */
export async function withinOneStep(time: number): Promise<void> {
  const left = (expiryStep(Date.now()) + 1) * step + 1000 - Date.now();
  if (left < time) await new Promise((resolve) => setTimeout(resolve, left + 50));
}
