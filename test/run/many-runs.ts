import { createRequire } from "node:module";

/** How many times the examples of each property are multiplied. */
const times = 10;

const require = createRequire(import.meta.url);
const library: typeof import("fast-check") = require("fast-check");

const assert = new Proxy(library.assert, {
  apply: (target, self, [property, options]) =>
    Reflect.apply(target, self, [property, { ...options, numRuns: (options?.numRuns ?? 100) * times }]),
});

/** fast-check with many examples. The project `properties` puts it in the place of the library. */
export default { ...library, assert };
