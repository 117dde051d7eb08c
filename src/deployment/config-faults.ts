import { faultsAmong, issuerSchema } from "../auth/issuer.ts";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { parseCatalog } from "../catalog/catalog.ts";
import { secretFaults } from "../catalog/origin-secrets.ts";
import { bindingOf, catalogOf, hostOf, originSecretsOf, originUrlOf } from "./catalog-of.ts";
import {
  type Deployment,
  type DeploymentConfig,
  type EnvironmentName,
  environmentNames,
  settableSchemas,
} from "./config-schema.ts";
import { issuersWith, secretReferences, stubSecret } from "./issuers-of.ts";
import { placeholders } from "./placeholders.ts";
import { settingText, takenBindings } from "./wrangler-config.ts";

/** An error between members, each valid by itself. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly advice: string;
}

/** Every error between the members of a deployment's file, and of its settings and assets by the workers' own schemas. */
export function faultsBetween(deployment: Deployment): readonly Fault[] {
  const { config } = deployment;
  const structural = [
    ...hostFaults(config),
    ...redisFaults(config),
    ...postgresFaults(config),
    ...sharedHostFaults(config),
    ...sharedStoreFaults(config),
    ...originFaults(config),
    ...identityFaults(config),
    ...settingFaults(config),
    ...assetFaults(config),
  ];
  return structural.length > 0 ? structural : catalogFaults(deployment);
}

function hostFaults({ host: { type }, cdns, environments }: DeploymentConfig): readonly Fault[] {
  const other = type === "workers" ? "node" : "workers";
  const names = (wanted: string) => Object.keys(cdns).filter((name) => cdns[name]?.type === wanted);
  const [first, ...more] = names(type);
  return [
    ...names(other).map((name) => ({
      path: ["cdns", name, "type"],
      advice: `Use "${type}", or set host.type to ${other}: a CDN of the type "${other}" needs that host, and host.type is ${type}.`,
    })),
    ...(first === undefined && names(other).length === 0
      ? [
          {
            path: ["cdns"],
            advice: `Add a CDN of the type "${type}": {"main": {"type": "${type}", "host": "media.{domain}"}}.`,
          },
        ]
      : []),
    ...more.map((name) => ({
      path: ["cdns", name],
      advice: `Remove it: a second CDN of the type "${type}" is reserved; this version has one media host, ${first}.`,
    })),
    ...environmentNames.flatMap((name) =>
      type === "workers" && environments[name] !== undefined && environments[name].kv === undefined
        ? [
            {
              path: ["environments", name],
              advice: `Add "kv": the id of the KV namespace, or ${JSON.stringify(placeholders.storeId(name, "kv"))} until there is one.`,
            },
          ]
        : [],
    ),
  ];
}

/** A Redis has one kind of address, and a setting without an effect is an error. */
function redisFaults({ host }: DeploymentConfig): readonly Fault[] {
  const redis = host.type === "node" ? host.redis : undefined;
  if (redis === undefined) return [];
  const given = (["url", "sentinels", "cluster"] as const).filter((member) => redis[member] !== undefined);
  const path = ["host", "redis"];
  return [
    ...(given.length === 1
      ? []
      : [
          {
            path,
            advice: `Give one of "url", "sentinels" with "name", and "cluster": here ${given.length === 0 ? "is none of them" : `are ${given.join(" and ")}`}.`,
          },
        ]),
    ...((redis.name === undefined) === (redis.sentinels === undefined)
      ? []
      : [{ path, advice: 'Give "sentinels" and "name" together: the name is what the Sentinels call the servers.' }]),
    ...(redis.admitOlderGrants && redis.durableLog !== "none"
      ? [
          {
            path: [...path, "admitOlderGrants"],
            advice: 'Remove it, or use "durableLog": "none": with a durable log no grant is refused for its age.',
          },
        ]
      : []),
  ];
}

/** Two workers cannot have one host: the later deployment would take it from the earlier one. */
function sharedHostFaults(config: DeploymentConfig): readonly Fault[] {
  const owners = new Map<string, string>();
  return environmentNames.flatMap((environment) => {
    if (config.environments[environment] === undefined) return [];
    const media = Object.entries(config.cdns).flatMap(([name, cdn]) =>
      cdn.type === "workers" || cdn.type === "node" ? [{ path: ["cdns", name, "host"], written: cdn.host }] : [],
    );
    return [{ path: ["api", "host"], written: config.api.host }, ...media].flatMap(({ path, written }) => {
      const host = hostOf(written, config, environment).toLowerCase();
      const owner = owners.get(host);
      owners.set(host, `${path.slice(0, -1).join(".")} of ${environment}`);
      return owner === undefined
        ? []
        : [
            {
              path,
              advice: `Use another host: ${owner} has ${host} already. {domain} is the environment's domain.`,
            },
          ];
    });
  });
}

/** A store has one writer, which writes the keys and revocations of one environment. */
function sharedStoreFaults({ cdns }: DeploymentConfig): readonly Fault[] {
  const owners = new Map<string, string>();
  return Object.entries(cdns).flatMap(([name, cdn]) =>
    environmentNames.flatMap((environment) => {
      const arn = cdn.type === "cloudfront-function" ? cdn.store?.[environment] : undefined;
      if (arn === undefined) return [];
      const owner = owners.get(arn) ?? environment;
      owners.set(arn, owner);
      const path = ["cdns", name, "store", environment];
      return owner === environment ? [] : [{ path, advice: `Use another store: this is the one of ${owner}.` }];
    }),
  );
}

/** A database without a use, or a use without a database. */
function postgresFaults({ host, identity }: DeploymentConfig): readonly Fault[] {
  if (host.type !== "node") return [];
  const { postgres, redis } = host;
  const isLog = redis?.durableLog === "postgres";
  if (isLog && postgres === undefined)
    return [
      {
        path: ["host", "redis", "durableLog"],
        advice: 'Add "postgres": {"url": "postgres://user@host:5432/database"} to host, or use "sqlite".',
      },
    ];
  return postgres === undefined || isLog || identity.worker
    ? []
    : [
        {
          path: ["host", "postgres"],
          advice: 'Remove it: it has no effect without identity.worker or "durableLog": "postgres" in host.redis.',
        },
      ];
}

function originFaults(config: DeploymentConfig): readonly Fault[] {
  const places = [
    { at: ["origins"], origins: config.origins },
    ...environmentNames.map((name) => ({
      at: ["environments", name, "origins"],
      origins: config.environments[name]?.origins ?? {},
    })),
  ];
  return places.flatMap(({ at, origins }) =>
    Object.entries(origins).flatMap(([name, origin]) => {
      const path = [...at, name];
      if (origin.type === "r2" && config.host.type === "node")
        return [
          {
            path: [...path, "type"],
            advice: "Use file, s3 or http: a bucket of R2 is bound to Workers. R2 also answers S3 requests.",
          },
        ];
      if (origin.type === "r2") {
        const taken = takenBindings.includes(bindingOf(name));
        return taken
          ? [{ path, advice: `Choose another name: the workers have another binding ${bindingOf(name)}.` }]
          : [];
      }
      if (origin.type === "file")
        return config.host.type === "node"
          ? []
          : [
              {
                path: [...path, "type"],
                advice: `Use r2, s3 or http, or set host.type to node: a folder ("${[...path, "type"].map(String).join(".")}": "file") needs a machine with a disk, and host.type is ${config.host.type}.`,
              },
            ];
      const secret = origin.secret === undefined ? undefined : config.secrets[origin.secret];
      const use = origin.type === "s3" ? "sigv4" : "header";
      if (origin.secret !== undefined && secret?.use !== use)
        return [
          {
            path: [...path, "secret"],
            advice: `Add ${origin.secret} to secrets with the use ${use}${secret === undefined ? "" : `, not ${secret.use}`}: {"${origin.secret}": ${use === "header" ? '{"use": "header", "header": "X-Origin-Secret", ' : '{"use": "sigv4", "accessKeyId": "S3_KEY_ID", '}"hosts": ["${hostText(originUrlOf(origin))}"]}}.`,
          },
        ];
      return URL.canParse(originUrlOf(origin))
        ? []
        : [{ path, advice: `Use a whole address: ${JSON.stringify(originUrlOf(origin))} is no URL.` }];
    }),
  );
}

function hostText(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "origin.example.tv";
}

function identityFaults({ host, identity, environments, secrets }: DeploymentConfig): readonly Fault[] {
  const { worker, issuers } = identity;
  if (!worker && issuers.length === 0)
    return [
      {
        path: ["identity"],
        advice: 'Nobody could sign in: set "worker": true, or name your identity provider in "issuers".',
      },
    ];
  const references = secretReferences(issuers);
  const stores = environmentNames.flatMap((name) => {
    const environment = environments[name];
    const needsD1 = worker && host.type === "workers";
    if (environment === undefined || (environment.d1 !== undefined) === needsD1) return [];
    const path = ["environments", name, "d1"];
    return needsD1
      ? [
          {
            path,
            advice: `The identity worker needs the id of a D1 database: use ${placeholders.storeId(name, "d1")} until there is one.`,
          },
        ]
      : [
          {
            path,
            advice: `Remove it: it has no effect ${worker ? "with host.type node" : "without identity.worker"}.`,
          },
        ];
  });
  if (references.inline.length > 0)
    return references.inline.map((path) => ({
      path: ["identity", "issuers", ...path],
      advice: 'Put the secret into secrets-<environment>.env and write its name here: {"secret": "ISSUER_SECRET"}.',
    }));
  const unnamed = references.names.filter((name) => secrets[name]?.use !== "issuer");
  const parsed = issuerSchema.array().safeParse(issuersWith(issuers, () => stubSecret));
  return [
    ...stores,
    ...unnamed.map((name) => ({
      path: ["identity", "issuers"],
      advice: `Add ${name} to secrets: {"${name}": {"use": "issuer"}}.`,
    })),
    ...(parsed.success
      ? faultsAmong(parsed.data).map((advice) => ({ path: ["identity", "issuers"], advice }))
      : parsed.error.issues.map((issue) => ({
          path: ["identity", "issuers", ...issue.path],
          advice: adviceOn(issue, issuers),
        }))),
  ];
}

function settingFaults(config: DeploymentConfig): readonly Fault[] {
  const places = [
    { at: ["settings"], settings: config.settings },
    ...environmentNames.map((name) => ({
      at: ["environments", name, "settings"],
      settings: config.environments[name]?.settings ?? {},
    })),
  ];
  return places.flatMap(({ at, settings }) =>
    Object.entries(settings).flatMap(([name, value]) => {
      if (value === undefined) return [];
      const text = settingText(value);
      const parsed = settableSchemas[name]?.safeParse(text);
      const issues = parsed === undefined || parsed.success ? [] : parsed.error.issues;
      return issues.map((issue) => ({
        path: [...at, name],
        advice: `${issue.path.length === 0 ? "" : `${fieldText(issue.path)}: `}${adviceOn(issue, text)}`,
      }));
    }),
  );
}

function assetFaults(config: DeploymentConfig): readonly Fault[] {
  const { cdns, origins } = config;
  return config.assets.flatMap(({ origin, cdn, entries }, index) => {
    const at = (member: string) => ["assets", index, member];
    const [first, ...others] = [cdn ?? []].flat();
    return [
      ...(Object.hasOwn(origins, origin)
        ? []
        : [
            {
              path: at("origin"),
              advice: `Use one of ${Object.keys(origins).join(", ")}: ${origin} is not in origins.`,
            },
          ]),
      ...(first === undefined || Object.hasOwn(cdns, first)
        ? []
        : [{ path: at("cdn"), advice: `Use one of ${Object.keys(cdns).join(", ")}: ${first} is not in cdns.` }]),
      ...(others.length === 0
        ? []
        : [{ path: at("cdn"), advice: `Name one CDN: several (pathways) are reserved; this version uses one.` }]),
      ...(entries.dash === undefined
        ? []
        : [{ path: [...at("entries"), "dash"], advice: "Remove it: DASH is reserved; this version plays HLS." }]),
    ];
  });
}

/** The assets as the catalog of each environment, by the catalog's own rules. */
function catalogFaults(deployment: Deployment): readonly Fault[] {
  const { config } = deployment;
  const configured: readonly (EnvironmentName | undefined)[] = environmentNames.filter(
    (name) => config.environments[name]?.origins,
  );
  const faults = [undefined, ...configured].flatMap((environment) => {
    const parsed = parseCatalog(catalogOf(deployment, environment));
    const found = parsed.ok ? secretFaults(parsed.value.assets(), originSecretsOf(config)) : parsed.refusal;
    return found.map(({ asset, field, advice }) => {
      const index = config.assets.findIndex(({ id }) => id === asset);
      const member =
        field === "entry" ? "entries" : field.startsWith("origin") ? "origin" : (field.split(/[.[]/)[0] ?? "");
      return { path: index < 0 ? ["assets"] : ["assets", index, member], advice };
    });
  });
  return faults.filter(
    (fault, index) =>
      faults.findIndex(({ path, advice }) => `${path}${advice}` === `${fault.path}${fault.advice}`) === index,
  );
}
