import { type Refusal, type Result, refusal, refuse } from "../../base/result.ts";
import type { Configuration } from "../../config/configuration.ts";
import { causeOf } from "../../http/cause.ts";
import { withCors } from "../../http/cors.ts";
import { describeError, type Log, logRefusal, problemResponse } from "../../http/problem-response.ts";
import { newRequestId } from "../../http/request.ts";
import type { Telemetry } from "../../metrics/telemetry.ts";
import type { HostPorts } from "../../service/host-ports.ts";
import { nodeSha256 } from "../node/node-crypto.ts";
import { countedBy, type IsolateTelemetry, isolateTelemetry, type TelemetryBindings } from "./isolate-telemetry.ts";
import { nobleHmac } from "./noble-hmac.ts";
import { kvCatalogSource, type TextStore } from "./object-clients.ts";

/** The ports of a worker that are the same for all of them. */
export function workerPorts(
  catalog: TextStore,
  { development }: Pick<Configuration, "development">,
  { telemetry, log, onRefusal, reporting, random }: WorkerBasics,
): HostPorts {
  return {
    telemetry,
    log,
    onRefusal,
    reporting,
    random,
    hmac: nobleHmac,
    sha256: nodeSha256,
    catalog: kvCatalogSource(catalog, development, onRefusal),
  };
}

type Environment = Readonly<Record<string, unknown>>;
type ReadSettings<Settings> = (environment: Environment) => Result<Settings, readonly string[]>;
type Wired<Parts> = Promise<Result<Parts, readonly string[]>>;

/** The parts of every worker, created once per isolate. */
export interface WorkerBasics extends IsolateTelemetry {
  readonly log: Log;
  readonly onRefusal: (refusal: Refusal) => void;
  readonly random: (length: number) => Uint8Array<ArrayBuffer>;
  readonly reporting: {
    readonly worker: string;
    readonly log: Log;
    readonly telemetry: Telemetry;
    readonly random: (length: number) => Uint8Array<ArrayBuffer>;
  };
}

/** A worker: its settings, its required bindings, and the wiring of its parts from both. */
export interface WorkerDefinition<Env, Settings, Parts> {
  readonly worker: string;
  readonly read: ReadSettings<Settings>;
  readonly bindings: readonly NoInfer<keyof Env & string>[];
  readonly wire: (env: Env, settings: Settings, basics: WorkerBasics) => Wired<Parts>;
}

/** A worker that logs to the console and counts in METRICS_STORE. See {@link configuredBy}. */
export function configuredWorker<Id, Env extends TelemetryBindings<Id>, Settings, Parts>(
  { worker, read, bindings, wire }: WorkerDefinition<Env, Settings, Parts>,
  waitUntil: (work: Promise<unknown>) => void,
): (env: Env, answer: (parts: Parts) => Promise<Response>) => Promise<Response> {
  const log = (line: string) => console.log(line);
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  return configuredBy(worker, read, log, countedBy(worker, waitUntil), async (env: Env, settings) => {
    const missing = missingBindings(env, bindings);
    if (missing.length > 0) return refuse(missing);
    const isolate = isolateTelemetry(worker, env);
    const reporting = { worker, log, telemetry: isolate.telemetry, random };
    const onRefusal = (why: Refusal) => logRefusal(log, worker, why);
    return wire(env, settings, { ...isolate, log, random, reporting, onRefusal });
  });
}

/**
 * Creates a worker's parts once per isolate: `read` reads its settings, and `wire` creates the rest. If the
 * configuration is wrong, every fault is logged and every response is 500 `configuration_invalid`: half a configuration
 * might accept requests that the whole would refuse. These responses are counted, and have the Request-Id of the log
 * lines.
 *
 * The value is kept, not the promise: in workerd a request cannot wait for another request's promise.
 */
export function configuredBy<Env extends object, Settings, Parts>(
  worker: string,
  read: ReadSettings<Settings>,
  log: Log,
  telemetryOf: (env: Env) => Telemetry,
  wire: (env: Env, settings: Settings) => Wired<Parts>,
): (env: Env, answer: (parts: Parts) => Promise<Response>) => Promise<Response> {
  let made: Result<Parts, string> | undefined;
  const make = async (env: Env): Promise<Result<Parts, string>> => {
    const settings = read(settingsOf(env));
    const parts = settings.ok ? await wireSafely(wire, env, settings.value) : settings;
    if (parts.ok) return parts;
    const request = newRequestId((length) => crypto.getRandomValues(new Uint8Array(length)));
    for (const fault of parts.refusal) log(JSON.stringify({ worker, event: "configuration_invalid", fault, request }));
    return refuse(request);
  };
  return async (env, answer) => {
    made ??= await make(env);
    if (made.ok) return answer(made.value);
    const why = refusal("configuration_invalid", "see the log").refusal;
    const asked = worker === "edge" || worker === "manifest" ? "media" : undefined;
    telemetryOf(env)({ event: "refused", worker, ...why, cause: causeOf(why.code), asked, request: made.refusal });
    const response = withCors(problemResponse(why));
    response.headers.set("Request-Id", made.refusal);
    return response;
  };
}

/** One fault per missing binding. */
function missingBindings<Env extends object>(env: Env, names: readonly (keyof Env & string)[]): readonly string[] {
  return names
    .filter((name) => env[name] === undefined)
    .map((name) => `${name}: the worker has no binding of this name; its wrangler.toml shows how to bind it`);
}

/** An error while wiring is a fault too. Its message may quote a secret, so only its kind is logged. */
async function wireSafely<Env, Settings, Parts>(
  wire: (env: Env, settings: Settings) => Wired<Parts>,
  env: Env,
  settings: Settings,
): Wired<Parts> {
  try {
    return await wire(env, settings);
  } catch (error) {
    return refuse([`the worker cannot be put together: ${describeError(error)}`]);
  }
}

/** The settings among a worker's bindings. */
export function settingsOf(env: object): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("STAGEDOOR_")));
}
