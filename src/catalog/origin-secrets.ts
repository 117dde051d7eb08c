import * as z from "zod";
import { type AssetOrigin, type HttpAssetOrigin, secretName } from "./asset-origin.ts";
import type { CatalogFault } from "./catalog-fault.ts";

/** `host`, `host:port` or `*.host` as in a URL: lower case, Punycode, without the scheme's default port. */
const host = z
  .string()
  .max(255)
  .regex(
    /^((\*\.[a-z0-9_-]+(\.[a-z0-9_-]+)+|[a-z0-9_-]+(\.[a-z0-9_-]+)*)(:\d{1,5})?|\[[0-9a-f:]+\](:\d{1,5})?)$/,
    "write hosts in lower case, as origin.example.com, origin.example.com:8443 or *.origin.example.com",
  )
  .refine((text) => !/:(443|80)$/.test(text), "leave the ports 443 and 80 out");

const hosts = z.array(host).min(1).max(100).describe("The hosts that may receive it; `*.` covers every host below.");

const headerSecret = z.strictObject({
  use: z.literal("header").describe("It is sent as the value of a header."),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, "write a header's name in A-Z a-z 0-9 and -")
    .describe("That header's name."),
  hosts,
});

const sigv4Secret = z.strictObject({
  use: z.literal("sigv4").describe("It signs requests (AWS Signature Version 4), and is never sent itself."),
  accessKeyId: secretName.describe("The variable with the id of this access key, which is sent."),
  hosts,
});

/**
 * The allowed uses of each origin secret, by the name of its environment variable. Editors of the catalog can name any
 * secret, so the deployment, which only its owner controls, limits the hosts and uses.
 */
export const originSecretsSchema = z
  .record(secretName, z.discriminatedUnion("use", [headerSecret, sigv4Secret]))
  .superRefine((secrets, context) => {
    for (const name of Object.values(secrets).flatMap((one) => (one.use === "sigv4" ? one.accessKeyId : [])))
      if (Object.hasOwn(secrets, name))
        // An attacker could have a secret key sent in plain text, as the id of another.
        context.addIssue({
          code: "custom",
          message: `${name} is the id of an access key and cannot have another use`,
        });
  });

export type OriginSecrets = z.output<typeof originSecretsSchema>;

/** No secret may be sent anywhere. */
const noOriginSecrets: OriginSecrets = {};

/** Parses STAGEDOOR_ORIGIN_SECRETS in a worker that has validated its configuration; none if it is invalid. */
export function readOriginSecrets(text: unknown): OriginSecrets {
  if (typeof text !== "string") return noOriginSecrets;
  try {
    return originSecretsSchema.safeParse(JSON.parse(text)).data ?? noOriginSecrets;
  } catch {
    return noOriginSecrets;
  }
}

/**
 * Why an origin's credentials must not be used, and how to fix it. Undefined if the deployment allows them for this
 * host and use, or there are none. A secret without a binding is never sent.
 *
 * @example bindingFault(origin, { ORIGIN_SECRET: { use: "header", header: "X-Secret", hosts: ["*.origin.example"] } });
 */
export function bindingFault({ url, auth }: HttpAssetOrigin, secrets: OriginSecrets): string | undefined {
  if (auth === undefined) return undefined;
  const name = auth.type === "header" ? auth.secret : auth.secretAccessKey;
  const bound = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  const where = "STAGEDOOR_ORIGIN_SECRETS (`secrets` in stagedoor.config.json)";
  if (bound === undefined) return `${where} does not name ${name}: add it there, with its hosts and its use.`;
  if (auth.type === "header") {
    if (bound.use !== "header") return `${where} has ${name} as a signing key, which is never sent as a header.`;
    if (bound.header.toLowerCase() !== auth.name.toLowerCase())
      return `${where} has ${name} only for the header ${bound.header}.`;
  } else {
    if (bound.use !== "sigv4") return `${where} has ${name} as a header, not as a key for SigV4.`;
    if (bound.accessKeyId !== auth.accessKeyId)
      return `${where} has ${name} only for the access key id in ${bound.accessKeyId}.`;
  }
  const own = new URL(url).host;
  return bound.hosts.some((pattern) => covers(pattern, own))
    ? undefined
    : `${where} does not allow ${name} for this host: choose another secret, or add the host there.`;
}

/** Faults of assets whose credentials are not allowed for their host and use. */
export function secretFaults(
  assets: readonly { readonly id: string; readonly origin: AssetOrigin }[],
  secrets: OriginSecrets,
): readonly CatalogFault[] {
  return assets.flatMap(({ id, origin }) => {
    const advice = origin.type === "http" ? bindingFault(origin, secrets) : undefined;
    return advice === undefined ? [] : [{ name: "origin_secret_unbound", asset: id, field: "origin.auth", advice }];
  });
}

/** A star covers one or more labels. `new URL` has parsed the host, so it contains only labels and a port. */
function covers(pattern: string, own: string): boolean {
  return pattern.startsWith("*.") ? own.endsWith(pattern.slice(1)) && own.length > pattern.length - 1 : own === pattern;
}
