import { readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import { configFile, type Deployment, environmentNames } from "../../../src/deployment/config-schema.ts";
import { isPlaceholder } from "../../../src/deployment/placeholders.ts";
import { placeholdersOf } from "../../../src/deployment/wrangler-config.ts";
import { deployProgram } from "../../lib/project.ts";
import type { WorkerConfig, WorkerKind } from "../../lib/worker-files.ts";
import { environmentOf, type Facts } from "../facts.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";

/** Whether a worker has an unwanted public address, an open sign-up, or logs URLs. */
export const exposureCheck: Check<Facts> = {
  name: "exposure",
  passed: "each worker is reachable only at its own address, and URLs are not logged",
  run: (facts) =>
    facts.development
      ? [notChecked("routes and logs", "Name a deployed environment: --env production.")]
      : [
          ...(facts.deployment === undefined
            ? facts.workers.flatMap((worker) => placeholderFindings(worker, facts))
            : unfilledFindings(facts.deployment, facts.environment)),
          ...facts.workers.flatMap((worker) => [
            ...routeFindings(worker, facts),
            ...addressFindings(worker),
            ...logFindings(worker),
            ...signUpFindings(worker, facts),
          ]),
        ],
};

/** Values of a deployment's file that are still to be filled in. */
function unfilledFindings(deployment: Deployment, environment: string): Finding[] {
  const name = environmentNames.find((one) => one === environment);
  if (name === undefined) return [];
  return placeholdersOf(deployment, name).map(({ member, line, value, isCreated }) =>
    fault(
      "placeholder",
      line === undefined ? configFile : `${configFile}:${line}`,
      `${member} is ${value}.`,
      isCreated
        ? `\`${deployProgram} --env ${name} --create\` creates what is missing and writes its id here. Or write the id yourself.`
        : "Write your own value.",
    ),
  );
}

/** Placeholders that nobody filled in. A Cloudflare id is 32 hexadecimal digits, a database's id has dashes. */
function placeholderFindings(worker: WorkerConfig, facts: Facts): Finding[] {
  const ids = [...worker.kv, ...worker.databases]
    .filter(({ id }) => !/^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    .map(({ binding }) => binding);
  const settings = ["STAGEDOOR_MEDIA_URL", "STAGEDOOR_API_URL"].filter((name) =>
    isPlaceholder(String(worker.vars[name] ?? "")),
  );
  const routes = worker.routes.filter(isPlaceholder).map((host) => `the route ${host}`);
  const texts = [
    ...(ids.length === 0 ? [] : [`The id of ${ids.join(" and ")} is not a Cloudflare id.`]),
    ...(settings.length + routes.length === 0
      ? []
      : [
          `${[...settings, ...routes].join(", ")} ${settings.length + routes.length === 1 ? "names" : "name"} a host of example.com.`,
        ]),
  ];
  if (texts.length === 0) return [];
  return [
    fault(
      "placeholder",
      worker.file,
      texts.join(" "),
      `Fill in your values under [env.${facts.environment}].${ids.length === 0 ? "" : ` ${createAdvice(ids)}`}`,
    ),
  ];
}

function createAdvice(bindings: readonly string[]): string {
  const commands = bindings.map((name) =>
    name === "DB" ? "npx wrangler d1 create" : "npx wrangler kv namespace create",
  );
  return commands.map((command) => `\`${command}\` prints the id.`).join(" ");
}

/** The setting with a worker's public URL. */
const urlSettings: Readonly<Partial<Record<WorkerKind, string>>> = {
  api: "STAGEDOOR_API_URL",
  edge: "STAGEDOOR_MEDIA_URL",
};

function routeFindings(worker: WorkerConfig, facts: Facts): Finding[] {
  const name = urlSettings[worker.worker];
  const { file, routes: hosts, worker: kind } = worker;
  if (name === undefined)
    return hosts.length === 0
      ? []
      : [
          fault(
            "worker_open",
            file,
            `The ${kind} worker has a route (${hosts.join(", ")}), so requests can bypass the worker in front of it, which checks revocations and rate limits.`,
            "Remove the route: the worker is called through a service binding.",
          ),
        ];
  const url = environmentOf(worker, facts)[name];
  const host = typeof url === "string" && URL.canParse(url) ? new URL(url).host : undefined;
  if (hosts.length === 0)
    return [
      fault(
        "route_missing",
        file,
        "The worker has no route, so it is not reachable.",
        `Add [[env.${facts.environment}.routes]] with pattern = "${host ?? "media.example.com"}" and custom_domain = true.`,
      ),
    ];
  if (host === undefined || hosts.some((route) => covers(route, host))) return [];
  return [
    fault(
      "route_elsewhere",
      file,
      `The worker answers at ${hosts.join(", ")}, and ${name} sends players to ${host}.`,
      `Use the same host in the route and in ${name}.`,
    ),
  ];
}

/** A route may begin with a wildcard: `*.example.com/*` or `*example.com/*`. */
function covers(route: string, host: string): boolean {
  return route.startsWith("*") ? host.endsWith(route.slice(1)) : route === host;
}

function addressFindings({ worker, file, workersDev, previewUrls }: WorkerConfig): Finding[] {
  const settings = [...(workersDev ? ["workers_dev"] : []), ...(previewUrls ? ["preview_urls"] : [])];
  if (settings.length === 0) return [];
  const isInternal = worker === "manifest" || worker === "identity";
  const consequence = isInternal
    ? "so requests can bypass the worker in front of it, which checks revocations and rate limits"
    : "so it answers at a second address, which bypasses the rules of your zone";
  return [
    (isInternal ? fault : warning)(
      "worker_open",
      file,
      `${settings.join(" and ")} ${settings.length > 1 ? "are" : "is"} on, ${consequence}.`,
      `Set ${settings.map((setting) => `${setting} = false`).join(" and ")}.`,
    ),
  ];
}

/** Open sign-up, and what a stranger can play with a new account. */
function signUpFindings(worker: WorkerConfig, facts: Facts): Finding[] {
  if (worker.worker !== "identity") return [];
  const read = readIdentityConfiguration(environmentOf(worker, facts));
  if (!read.ok || read.value.signUp !== "open") return [];
  const { assets } = read.value;
  const opens = assets.trim() === "*" ? "every asset" : assets.trim() || "no asset until you add one to its row";
  return [
    warning(
      "sign_up_open",
      worker.file,
      `Anyone can create an account (STAGEDOOR_IDENTITY_SIGN_UP), and a new account opens ${opens} (STAGEDOOR_IDENTITY_ASSETS).`,
      "Set STAGEDOOR_IDENTITY_SIGN_UP to closed, unless strangers are meant to play that.",
    ),
  ];
}

function logFindings({ worker, file, logsRequests }: WorkerConfig): Finding[] {
  if (!logsRequests) return [];
  const hasGrants = worker === "edge" || worker === "manifest";
  return [
    (hasGrants ? fault : warning)(
      "request_logs",
      file,
      `Cloudflare logs each request with its URL${hasGrants ? ". A URL of the media host contains the grant, so readers of the log can play" : ""}.`,
      "Set invocation_logs = false under [observability.logs] and enabled = false under [observability.traces].",
    ),
  ];
}
