import type { Clock } from "../../base/seconds.ts";
import { isOwnSetting } from "../../catalog/asset-origin.ts";
import { type Origin, originOf } from "../../catalog/origin.ts";
import { readOriginSecrets } from "../../catalog/origin-secrets.ts";
import { httpOrigin } from "../origin/http-origin.ts";
import { r2Origin } from "./r2-origin.ts";

/** The origins of all assets as a worker reaches them: R2 by its bindings, HTTP by fetch with secrets of its environment. */
export function mediaOrigin(env: object, clock: Clock): Origin {
  const secretOf = (name: string) => {
    if (isOwnSetting(name)) return undefined;
    const secret: unknown = Reflect.get(env, name);
    return typeof secret === "string" ? secret : undefined;
  };
  const originSecrets = readOriginSecrets(Reflect.get(env, "STAGEDOOR_ORIGIN_SECRETS"));
  const ports = { fetch: (url: string, init: RequestInit) => fetch(url, init), secretOf, originSecrets, clock };
  return originOf({ r2: r2Origin(env), http: httpOrigin(ports) });
}
