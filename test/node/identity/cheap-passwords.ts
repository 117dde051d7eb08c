import crypto, { type ScryptOptions, type scrypt } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/**
 * Lets better-auth hash passwords cheaply in this process: a hash takes a quarter of a second of a core, as it should, and
 * every test of the identity worker signs somebody up. What is hashed, and that it is, stays the same.
 */
export function hashCheaply(): void {
  const real = crypto.scrypt;
  const cheap: typeof scrypt = new Proxy(real, {
    apply: (target, self, [password, salt, length, options, done]: unknown[]) => {
      const given: ScryptOptions = Object(options);
      return Reflect.apply(target, self, [password, salt, length, { ...given, N: 2 }, done]);
    },
  });
  crypto.scrypt = cheap;
  syncBuiltinESMExports();
}
