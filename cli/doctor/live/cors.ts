import { type Check, type Finding, fault, notLookedAt, unique } from "../finding.ts";
import type { Answer, Question } from "./ask.ts";
import { type Host, hostsOf, type Live } from "./live.ts";

const page = "https://player.example";

interface Probe {
  readonly what: string;
  readonly path: string;
  readonly question: Question;
  /** Request headers that the response must allow. */
  readonly allowed: readonly string[];
}

const probes: Readonly<Record<Host["name"], readonly Probe[]>> = {
  API: [
    {
      what: "a preflight of POST /stream/start",
      path: "/stream/start",
      question: {
        method: "OPTIONS",
        headers: {
          Origin: page,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "authorization, content-type",
        },
      },
      allowed: ["authorization", "content-type"],
    },
    {
      what: "a refused start",
      path: "/stream/start",
      question: { method: "POST", headers: { Origin: page } },
      allowed: [],
    },
  ],
  "media host": [
    {
      what: "a preflight of a segment",
      path: "/doctor/0.ts",
      question: {
        method: "OPTIONS",
        headers: {
          Origin: page,
          "Access-Control-Request-Method": "GET",
          "Access-Control-Request-Headers": "cmcd-request,range",
        },
      },
      allowed: ["cmcd-request", "range"],
    },
    { what: "a refused segment", path: "/doctor/0.ts", question: { headers: { Origin: page } }, allowed: [] },
  ],
};

/** Whether pages of other sites can read responses. If not, players report a CORS error instead of the refusal. */
export const corsCheck: Check<Live> = {
  name: "cors",
  held: "pages of other sites can read every response, including refusals",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [notLookedAt("CORS", "Give --api and --media.")];
    const results = hosts.flatMap((host) => probes[host.name].map((probe) => findings(host, probe, live)));
    return unique((await Promise.all(results)).flat());
  },
};

async function findings(
  { name, url, root }: Host,
  { what, path, question, allowed }: Probe,
  { ask }: Live,
): Promise<Finding[]> {
  const answer = await ask(url + path, question);
  if (answer === "silent") return [notLookedAt(`CORS at the ${name} ${root}`, "It does not answer.")];
  const lacking = [...(opens(answer) ? [] : ["Access-Control-Allow-Origin"]), ...withoutHeaders(answer, allowed)];
  if (lacking.length === 0) return [];
  return [
    fault(
      "cors_missing",
      `${name} ${root}`,
      `Its answer to ${what} (${answer.status}) lacks ${lacking.join(" and ")}: browsers hide it from players, which report a CORS error or a network error.`,
      "The workers send these headers: find out what in front of them (a transform rule, a WAF rule, Access, another worker) answers instead or removes them.",
    ),
  ];
}

function opens({ headers }: Answer): boolean {
  return ["*", page].includes(headers.get("Access-Control-Allow-Origin") ?? "");
}

function withoutHeaders({ headers }: Answer, wanted: readonly string[]): readonly string[] {
  const names = (headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase().split(/\s*,\s*/);
  return wanted.every((name) => names.includes(name)) ? [] : ["Access-Control-Allow-Headers"];
}
