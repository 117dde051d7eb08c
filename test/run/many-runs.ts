// By its path, since the name leads here.
import * as library from "../../node_modules/fast-check/lib/fast-check.js";

export * from "../../node_modules/fast-check/lib/fast-check.js";

/** How many times the examples of each property are multiplied. */
const times = 10;

/** fast-check's `assert` with many examples. The project `properties` puts this module in the place of the library. */
export const assert = new Proxy(library.assert, {
  apply: (target, self, [property, options]) =>
    Reflect.apply(target, self, [property, { ...options, numRuns: (options?.numRuns ?? 100) * times }]),
});

export default { ...library, assert };
