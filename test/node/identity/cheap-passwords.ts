import crypto, { type ScryptOptions, type scrypt } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/**
 * Makes better-auth hash passwords cheaply in this process. A hash takes a quarter of a second of a core, as it should,
 * and every test of the identity worker signs a user up. Only the cost parameter N changes.
 */
export function hashCheaply(): void {
  const real = crypto.scrypt;
  const cheap: typeof scrypt = new Proxy(real, {
    apply: (target, self, [password, salt, length, options, callback]: unknown[]) => {
      const settings: ScryptOptions = Object(options);
      return Reflect.apply(target, self, [password, salt, length, { ...settings, N: 2 }, callback]);
    },
  });
  crypto.scrypt = cheap;
  syncBuiltinESMExports();
}
