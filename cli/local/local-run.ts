import { operatorScopes as scopes } from "../../src/auth/operator-token.ts";
import { seconds } from "../../src/base/time.ts";
import { readConfiguration, workerNames } from "../../src/config/configuration.ts";
import { readIdentityConfiguration } from "../../src/config/identity-configuration.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { devEnvironment, devIdentityEnvironment } from "../lib/dev-environment.ts";
import { signDevToken } from "../lib/dev-keys.ts";
import { operatorSigningKey, signOperatorToken } from "../lib/operator-api.ts";
import { isInUse } from "../lib/ports.ts";

/** Why the workers cannot use these ports of this machine, by option; undefined if all are free. */
export async function portFault(ports: Readonly<Record<string, number>>): Promise<string | undefined> {
  for (const [option, port] of Object.entries(ports))
    if (await isInUse(port))
      return `Port ${port} is in use by another program. Stop it, or choose another port with ${option}.`;
  return undefined;
}

export interface LocalSettings {
  readonly ring: KeyRing;
  readonly mediaUrl: string;
  readonly settings: Readonly<Record<string, string>> & { readonly STAGEDOOR_API_URL: string };
  /** The secret of the identity worker; undefined if it does not run. */
  readonly identitySecret: string | undefined;
}

/** Why the workers would refuse their settings on this machine, with every error; undefined if they accept them. */
export function settingsFault({ ring, mediaUrl, settings, identitySecret }: LocalSettings): string | undefined {
  const read = [
    ...workerNames.map((worker) => readConfiguration(devEnvironment(worker, ring, mediaUrl, settings))),
    ...(identitySecret === undefined
      ? []
      : [readIdentityConfiguration(devIdentityEnvironment(settings.STAGEDOOR_API_URL, identitySecret, settings))]),
  ];
  const errors = new Set(read.flatMap((configuration) => (configuration.ok ? [] : configuration.refusal)));
  return errors.size === 0 ? undefined : ["The configuration is invalid:", ...errors].join("\n  ");
}

/** A bearer token and an operator's credential for eight hours, which only this machine accepts, as texts to print. */
export async function localCredentials(ring: KeyRing): Promise<{ readonly token: string; readonly operator: string }> {
  const lifetimeSeconds = 8 * 3600;
  const token = await signDevToken(ring, { subject: "demo-viewer", assets: "*", lifetimeSeconds });
  const key = operatorSigningKey(ring);
  if (key === undefined) return { token, operator: "none: the ring has no operator key that signs now" };
  const operator = await signOperatorToken(key, { name: "you", scopes, lifetime: seconds(lifetimeSeconds) });
  return { token, operator: operator.token };
}
