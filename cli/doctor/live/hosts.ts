import { isLocalUrl } from "../../../src/base/origins.ts";
import { parseJson } from "../../lib/files.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { type Answer, type Ask, told } from "./ask.ts";
import { type Host, hostsOf, isMediaHost, type Live } from "./live.ts";

const giveHosts = notLookedAt("the API and the media host", "Give --api https://… and --media https://….");

/** Whether the hosts answer, as what they are. */
export const hostsCheck: Check<Live> = {
  name: "hosts",
  held: "the hosts answer, and all that they depend on",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [giveHosts];
    return (
      await Promise.all(hosts.map(async (host) => [...differs(host, live), ...(await answers(host, live))]))
    ).flat();
  },
};

function differs({ name, root }: Host, { configured }: Live): Finding[] {
  const [setting, wanted] =
    name === "API"
      ? (["STAGEDOOR_API_URL", configured.apiUrl] as const)
      : (["STAGEDOOR_MEDIA_URL", configured.mediaUrl] as const);
  if (wanted === undefined || wanted === root) return [];
  return [
    warning(
      "host_differs",
      `${name} ${root}`,
      `${setting} says ${wanted}: players are sent there, and that is not what was looked at.`,
      `Give the address in ${setting}, or fix the setting.`,
    ),
  ];
}

async function answers(host: Host, { ask }: Live): Promise<Finding[]> {
  const about = `${host.name} ${host.root}`;
  const health = await ask(`${host.root}/health`);
  if (health === "silent")
    return [
      fault(
        "host_silent",
        about,
        "It does not answer within 5 s.",
        "Check its DNS record, its route or custom domain, and that the worker is deployed.",
      ),
    ];
  const wrong = healthFinding(about, host, health);
  if (wrong !== undefined) return [wrong];
  const swapped = await swappedFinding(about, host, ask);
  if (swapped !== undefined) return [swapped];
  const ready = await ask(`${host.root}/ready`);
  if (ready === "silent")
    return [
      fault("not_ready", about, "/ready does not answer within 5 s.", "See the worker's log for what it waits for."),
    ];
  if (ready.status === 200) return [];
  return [
    fault(
      "not_ready",
      about,
      `/ready answers ${told(ready)}${partsIn(ready)}.`,
      "Look after what it names: `npx stagedoor doctor --env <name>` says whether it is bound, Cloudflare's status page whether it is up.",
    ),
  ];
}

/** Both hosts answer /health alike; what else is asked of the wrong one would look like a refusal that is right. */
async function swappedFinding(about: string, { name, root }: Host, ask: Ask): Promise<Finding | undefined> {
  const answer = await ask(name === "API" ? `${root}/doctor/0.ts` : `${root}/openapi.json`);
  if (answer === "silent") return undefined;
  const other = name === "API" ? isMediaHost(answer) : answer.status === 200 && /^\{"openapi":"3/.test(answer.text); // of a long document, only the start is read
  if (!other) return undefined;
  return fault(
    "hosts_swapped",
    about,
    `It is the ${name === "API" ? "media host" : "API"} that answers at this address.`,
    "Give the API's address with --api, and the media host's with --media; or fix the route, if the addresses are right.",
  );
}

function healthFinding(about: string, host: Host, health: Answer): Finding | undefined {
  if (health.status === 200 && Object(parseJson(health.text)).status === "ok") return undefined;
  if (health.code === "configuration_invalid")
    return fault(
      "not_ready",
      about,
      "It is configured wrongly: every request is answered 500 configuration_invalid.",
      "The worker's log names every fault, and so does `npx stagedoor doctor --env <name> --ring keys.json`.",
    );
  const ours = health.code !== undefined || (isLocalUrl(host.url) && health.status === 404);
  if (ours)
    return warning(
      "health_unknown",
      about,
      `/health answers ${told(health)}: a version of Stagedoor is deployed that has none.`,
      "Deploy the current one.",
    );
  return fault(
    "host_strange",
    about,
    `/health answers ${told(health)}, not as Stagedoor does: something else answers at this address.`,
    "Check the route or custom domain, and your zone's rules in front of it (a page rule, Access, another worker).",
  );
}

/** The names of the parts that do not answer, and nothing else of the body. */
function partsIn({ text }: Answer): string {
  const body: unknown = parseJson(text);
  const names = [Object(body).missing, Object(body).parts, Object(body).failing].flatMap((value: unknown) =>
    Array.isArray(value)
      ? value
      : Object.entries(Object(value)).flatMap(([name, state]) => (state === "ok" ? [] : [name])),
  );
  const sound = names.filter((name) => typeof name === "string" && /^[\w .-]{1,64}$/.test(name));
  return sound.length === 0 ? "" : `: ${sound.join(", ")}`;
}

/** The hosts' clocks against this machine's: ends of URLs and tokens are compared with them. */
export const clocksCheck: Check<Live> = {
  name: "clocks",
  held: "the hosts' clocks are this machine's",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [giveHosts];
    return (await Promise.all(hosts.map((host) => clockFindings(host, live)))).flat();
  },
};

async function clockFindings({ name, root }: Host, { ask }: Live): Promise<Finding[]> {
  const about = `${name} ${root}`;
  const answer = await ask(`${root}/health`);
  if (answer === "silent") return [notLookedAt(`the clock of the ${about}`, "It does not answer.")];
  const date = Date.parse(answer.headers.get("Date") ?? "");
  if (Number.isNaN(date))
    return isLocalUrl(root)
      ? [] // the same machine, and so the same clock
      : [
          warning(
            "clock_unknown",
            about,
            "It sends no Date header, so its clock is not known.",
            "Look what in front of it takes the header out.",
          ),
        ];
  // The header has whole seconds, and stands for some moment of the exchange.
  const off = Math.max(0, Math.abs(date + 500 - answer.at) - 500 - answer.took / 2) / 1000;
  if (off <= 30) return [];
  return [
    (off > 60 ? fault : warning)(
      "clock_off",
      about,
      `Its clock and this machine's are ${Math.round(off)} s apart: URLs and tokens that are signed by one end too soon, or begin too late, for the other.`,
      "Set the clock that is wrong by NTP; on Cloudflare it is this machine's, so set it before you sign anything here.",
    ),
  ];
}

/** What plain HTTP is told: a redirect, a refusal, or nothing. */
export const plainHttpCheck: Check<Live> = {
  name: "plain http",
  held: "plain http is refused or sent on to https",
  run: async (live) => {
    const hosts = hostsOf(live).filter(({ root }) => root.startsWith("https:"));
    if (hosts.length === 0) return [notLookedAt("plain http", "Give --api and --media with https addresses.")];
    const found = hosts.map(async ({ name, root }): Promise<Finding[]> => {
      const answer = await live.ask(root.replace(/^https:/, "http:"));
      if (answer === "silent")
        return (await live.ask(`${root}/health`)) === "silent"
          ? [notLookedAt(`plain http at the ${name} ${root}`, "It does not answer by https either.")]
          : [];
      if (answer.status === 403) return [];
      const location = answer.headers.get("Location") ?? "";
      if (answer.status >= 300 && answer.status < 400 && location.startsWith("https:")) return [];
      return [
        fault(
          "plain_http_served",
          `${name} ${root}`,
          `Over plain http it answers ${told(answer)}: tokens and URLs can be read on the way.`,
          "Turn on Always Use HTTPS for the zone, and let nothing in front of the workers answer http.",
        ),
      ];
    });
    return (await Promise.all(found)).flat();
  },
};
