import { type Result, refusal, refuse } from "../../base/result.ts";
import { type Configuration, readConfiguration, type WorkerName } from "../../config/configuration.ts";
import { withCors } from "../../http/cors.ts";
import { problemResponse } from "../../http/problem-response.ts";
import { newRequestId } from "../../http/request.ts";
import { describeError, type Log } from "../../http/request-log.ts";
import type { Telemetry } from "../../metrics/telemetry.ts";

type Environment = Readonly<Record<string, unknown>>;

/** What a worker counts with before anything is known of its configuration. */
export type CountedBy<Env> = (env: Env) => Telemetry;

/**
 * A worker's parts, made of its environment once an isolate: the configuration is read, and `wire` makes the rest. With a
 * wrong configuration every fault goes to the log and every request is answered 500 `configuration_invalid`: half of a
 * configuration might let through what the whole would refuse. The answers carry one Request-Id, which names those lines, and
 * each is counted: who watches the counts need not look at the log.
 *
 * The value is kept and never the promise: workerd lets no request wait for what another one is doing.
 */
export function configured<Env extends object, Parts>(
  worker: WorkerName,
  log: Log,
  countedBy: CountedBy<Env>,
  wire: (env: Env, configuration: Configuration) => Promise<Result<Parts, readonly string[]>>,
): (env: Env, answer: (parts: Parts) => Promise<Response>) => Promise<Response> {
  return configuredBy(worker, readConfiguration, log, countedBy, wire);
}

/** As {@link configured}, for a worker whose settings are read by `read`. */
export function configuredBy<Env extends object, Settings, Parts>(
  worker: string,
  read: (environment: Environment) => Result<Settings, readonly string[]>,
  log: Log,
  countedBy: CountedBy<Env>,
  wire: (env: Env, configuration: Settings) => Promise<Result<Parts, readonly string[]>>,
): (env: Env, answer: (parts: Parts) => Promise<Response>) => Promise<Response> {
  let made: Result<Parts, string> | undefined;
  const make = async (env: Env): Promise<Result<Parts, string>> => {
    const configuration = read(settingsOf(env));
    const parts = configuration.ok ? await wireSafely(wire, env, configuration.value) : configuration;
    if (parts.ok) return parts;
    const request = newRequestId((length) => crypto.getRandomValues(new Uint8Array(length)));
    for (const fault of parts.refusal) log(JSON.stringify({ worker, event: "configuration_invalid", fault, request }));
    return refuse(request);
  };
  return async (env, answer) => {
    made ??= await make(env);
    if (made.ok) return answer(made.value);
    const why = refusal("configuration_invalid", "see the log").refusal;
    countedBy(env)({ event: "refused", worker, ...why, request: made.refusal });
    const told = withCors(problemResponse(why));
    told.headers.set("Request-Id", made.refusal);
    return told;
  };
}

/** A fault for each binding that a worker needs and its configuration does not give it. */
export function missingBindings(bindings: Readonly<Record<string, unknown>>): readonly string[] {
  const missing = Object.keys(bindings).filter((name) => bindings[name] === undefined);
  return missing.map(
    (name) => `${name}: the worker has no binding of this name; its wrangler.toml shows how to bind it`,
  );
}

/** What cannot be wired is a fault as well, whatever threw; its message may quote what it choked on, so it stays unsaid. */
async function wireSafely<Env, Settings, Parts>(
  wire: (env: Env, configuration: Settings) => Promise<Result<Parts, readonly string[]>>,
  env: Env,
  configuration: Settings,
): Promise<Result<Parts, readonly string[]>> {
  try {
    return await wire(env, configuration);
  } catch (error) {
    return refuse([`the worker cannot be put together: ${describeError(error)}`]);
  }
}

function settingsOf(env: object): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("STAGEDOOR_")));
}
