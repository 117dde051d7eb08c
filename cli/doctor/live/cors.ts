import { type Check, type Finding, fault, notChecked, unique } from "../finding.ts";
import { type Host, hostsOf, type Live } from "./live.ts";
import type { ProbeOptions, ProbeResponse } from "./probe.ts";

/** The origin of a page of another site. */
export const page = "https://player.example";

interface CorsRequest {
  readonly name: string;
  readonly path: string;
  readonly options: ProbeOptions;
  /** Request headers that the response must allow. */
  readonly allowed: readonly string[];
}

const requests: Readonly<Record<Host["name"], readonly CorsRequest[]>> = {
  API: [
    {
      name: "a preflight of POST /stream/start",
      path: "/stream/start",
      options: preflightOf("POST", ["authorization", "content-type"]),
      allowed: ["authorization", "content-type"],
    },
    {
      name: "a refused start",
      path: "/stream/start",
      options: { method: "POST", headers: { Origin: page } },
      allowed: [],
    },
  ],
  "media host": [
    {
      name: "a preflight of a segment",
      path: "/doctor/0.ts",
      options: preflightOf("GET", ["cmcd-request", "range"]),
      allowed: ["cmcd-request", "range"],
    },
    { name: "a refused segment", path: "/doctor/0.ts", options: { headers: { Origin: page } }, allowed: [] },
  ],
};

/** A browser's preflight. */
export function preflightOf(method: string, headers: readonly string[]): ProbeOptions {
  return {
    method: "OPTIONS",
    headers: {
      Origin: page,
      "Access-Control-Request-Method": method,
      "Access-Control-Request-Headers": headers.join(","),
    },
  };
}

/** Whether pages of other sites can read responses. If not, players report a CORS error instead of the refusal. */
export const corsCheck: Check<Live> = {
  name: "cors",
  passed: "pages of other sites can read every response, including refusals",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [notChecked("CORS", "Give --api and --media.")];
    const findings = hosts.flatMap((host) => requests[host.name].map((request) => corsFindings(host, request, live)));
    return unique((await Promise.all(findings)).flat());
  },
};

async function corsFindings(host: Host, request: CorsRequest, { probe }: Live): Promise<Finding[]> {
  const about = `${host.name} ${host.root}`;
  const response = await probe(host.url + request.path, request.options);
  if (response === "silent") return [notChecked(`CORS at the ${about}`, "It does not answer.")];
  const missing = [
    ...(allowsOrigin(response) ? [] : ["Access-Control-Allow-Origin"]),
    ...(allowsHeaders(response, request.allowed) ? [] : ["Access-Control-Allow-Headers"]),
  ];
  if (missing.length === 0) return [];
  return [
    fault(
      "cors_missing",
      about,
      `The response to ${request.name} (${response.status}) lacks ${missing.join(" and ")}: browsers hide it from players, which report a CORS error or a network error.`,
      "The workers send these headers: find out what in front of them (a transform rule, a WAF rule, Access, another worker) answers instead or removes them.",
    ),
  ];
}

export function allowsOrigin({ headers }: ProbeResponse): boolean {
  return ["*", page].includes(headers.get("Access-Control-Allow-Origin") ?? "");
}

export function allowsHeaders({ headers }: ProbeResponse, required: readonly string[]): boolean {
  const names = (headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase().split(/\s*,\s*/);
  return required.every((name) => names.includes(name));
}
