import { type Deployment, type EnvironmentName, placeholderStart } from "./config-schema.ts";

/** A value in a deployment's file that is still to be filled in. */
export interface Placeholder {
  /** The member, such as `environments.production.kv`. */
  readonly member: string;
  readonly line: number | undefined;
  readonly value: string;
}

/** Names for documents (RFC 2606 §3), which no deployment can have. */
const exampleHost = /(^|[/.@])example\.(com|net|org)(?=[:/]|$)/;

/** The placeholders that a deployment to an environment would have. Assets are left out: they may have any text. */
export function placeholdersOf({ config, lineOf }: Deployment, environment: EnvironmentName): readonly Placeholder[] {
  const found: Placeholder[] = [];
  const visit = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === "string" && (value.startsWith(placeholderStart) || exampleHost.test(value)))
      found.push({ member: path.map(String).join("."), line: lineOf(path), value });
    if (typeof value === "object" && value !== null)
      for (const [name, member] of Object.entries(value))
        visit(member, [...path, Array.isArray(value) ? Number(name) : name]);
  };
  const { api, cdns, origins, secrets, identity, settings, environments } = config;
  for (const [name, value] of Object.entries({ api, cdns, origins, secrets, identity, settings })) visit(value, [name]);
  visit(environments[environment], ["environments", environment]);
  return found;
}
