import { readIdentityConfiguration } from "../../../src/config/identity-configuration.ts";
import type { DeployedWorker, WorkerKind } from "../../lib/worker-files.ts";
import { environmentOf, type Facts } from "../facts.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";

/** The workers' public addresses, their sign-up settings and their logs. */
export const exposureCheck: Check<Facts> = {
  name: "exposure",
  held: "each worker is reachable only at its own address, and URLs are not logged",
  run: (facts) =>
    facts.development
      ? [notLookedAt("routes and logs", "Name an environment that is deployed: --env production.")]
      : facts.workers.flatMap((worker) => [
          ...placeholders(worker, facts),
          ...routes(worker, facts),
          ...open(worker),
          ...requestLogs(worker),
          ...signUp(worker, facts),
        ]),
};

const exampleHost = /(^|\.|\/\/)example\.(com|net|org)$/;

/** What the files come with, to be filled in; ids of Cloudflare are 32 digits of hexadecimal, a database's with dashes. */
function placeholders(worker: DeployedWorker, facts: Facts): Finding[] {
  const ids = [...worker.kv, ...worker.databases]
    .filter(({ id }) => !/^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    .map(({ binding }) => binding);
  const settings = ["STAGEDOOR_MEDIA_URL", "STAGEDOOR_API_URL"].filter((name) =>
    exampleHost.test(String(worker.vars[name] ?? "")),
  );
  const routes = worker.routes.filter((host) => exampleHost.test(host)).map((host) => `the route ${host}`);
  const found = [
    ...(ids.length === 0 ? [] : [`The id of ${ids.join(" and ")} is not a Cloudflare id.`]),
    ...(settings.length + routes.length === 0
      ? []
      : [
          `${[...settings, ...routes].join(", ")} ${settings.length + routes.length === 1 ? "names" : "name"} a host of example.com.`,
        ]),
  ];
  if (found.length === 0) return [];
  return [
    fault(
      "placeholder",
      worker.file,
      found.join(" "),
      `Fill in your values under [env.${facts.environment}].${ids.length === 0 ? "" : ` ${makers(ids)}`}`,
    ),
  ];
}

function makers(ids: readonly string[]): string {
  const commands = ids.map((id) => (id === "DB" ? "npx wrangler d1 create" : "npx wrangler kv namespace create"));
  return `${commands.map((command) => `\`${command}\``).join(" and ")} answers with the id.`;
}

const addressOf: Readonly<Partial<Record<WorkerKind, string>>> = {
  api: "STAGEDOOR_API_URL",
  edge: "STAGEDOOR_MEDIA_URL",
};

function routes(worker: DeployedWorker, facts: Facts): Finding[] {
  const name = addressOf[worker.worker];
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
      `Let the route and ${name} name the same host.`,
    ),
  ];
}

/** `*.example.com/*` and `*example.com/*` are routes as well. */
function covers(route: string, host: string): boolean {
  return route.startsWith("*") ? host.endsWith(route.slice(1)) : route === host;
}

function open({ worker, file, workersDev, previewUrls }: DeployedWorker): Finding[] {
  const places = [...(workersDev ? ["workers_dev"] : []), ...(previewUrls ? ["preview_urls"] : [])];
  if (places.length === 0) return [];
  const hidden = worker === "manifest" || worker === "identity";
  const found = hidden
    ? "so requests can bypass the worker in front of it, which checks revocations and rate limits"
    : "so it answers at a second address, which bypasses the rules of your zone";
  return [
    (hidden ? fault : warning)(
      "worker_open",
      file,
      `${places.join(" and ")} ${places.length > 1 ? "are" : "is"} on, ${found}.`,
      `Set ${places.map((place) => `${place} = false`).join(" and ")}.`,
    ),
  ];
}

/** Two settings that together give strangers an account, and with it the films. */
function signUp(worker: DeployedWorker, facts: Facts): Finding[] {
  if (worker.worker !== "identity") return [];
  const read = readIdentityConfiguration(environmentOf(worker, facts));
  if (!read.ok || read.value.signUp !== "open") return [];
  const { assets } = read.value;
  const opens = assets.trim() === "*" ? "every asset" : assets.trim() || "no asset until you write it into its row";
  return [
    warning(
      "sign_up_open",
      worker.file,
      `Anybody can create an account (STAGEDOOR_IDENTITY_SIGN_UP), and a new one opens ${opens} (STAGEDOOR_IDENTITY_ASSETS).`,
      "Set STAGEDOOR_IDENTITY_SIGN_UP to closed, unless strangers may play that.",
    ),
  ];
}

function requestLogs({ worker, file, logsRequests }: DeployedWorker): Finding[] {
  if (!logsRequests) return [];
  const media = worker === "edge" || worker === "manifest";
  return [
    (media ? fault : warning)(
      "request_logs",
      file,
      `Cloudflare logs each request with its URL${media ? ", and a URL of the media host contains the grant: readers of the log can play" : ""}.`,
      "Set invocation_logs = false under [observability.logs] and enabled = false under [observability.traces].",
    ),
  ];
}
