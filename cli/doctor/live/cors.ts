import { type Check, type Finding, fault, notLookedAt, unique } from "../finding.ts";
import type { Answer, Question } from "./ask.ts";
import { type Host, hostsOf, type Live } from "./live.ts";

const page = "https://player.example";

interface Probe {
  readonly what: string;
  readonly path: string;
  readonly question: Question;
  /** Headers that the answer has to allow. */
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

/** Whether a page of another site may read the answers: players report a CORS fault in place of a refusal else. */
export const corsCheck: Check<Live> = {
  name: "cors",
  held: "pages of other sites can read every answer, refusals as well",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [notLookedAt("CORS", "Give --api and --media.")];
    const asked = hosts.flatMap((host) => probes[host.name].map((probe) => findings(host, probe, live)));
    return unique((await Promise.all(asked)).flat());
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
      `Its answer to ${what} (${answer.status}) lacks ${lacking.join(" and ")}: browsers keep it from players, which call it a CORS fault or a network error.`,
      "The workers send these headers: look what in front of them (a transform rule, a WAF rule, Access, another worker) answers or takes them out.",
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
