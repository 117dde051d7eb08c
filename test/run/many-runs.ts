// Imported by its path, since the name `fast-check` resolves to this file.
import * as library from "../../node_modules/fast-check/lib/fast-check.js";

export * from "../../node_modules/fast-check/lib/fast-check.js";

/** The factor for the number of examples of each property. */
const times = 10;

/** fast-check's `assert` with more examples. The project `properties` uses this module in place of the library. */
export const assert = new Proxy(library.assert, {
  apply: (target, self, [property, options]) =>
    Reflect.apply(target, self, [property, { ...options, numRuns: (options?.numRuns ?? 100) * times }]),
});

export default { ...library, assert };
