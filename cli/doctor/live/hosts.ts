import { isLocalUrl } from "../../../src/base/origins.ts";
import { parseJson } from "../../lib/files.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { functionAssets, type Host, hostsOf, isMediaHost, type Live } from "./live.ts";
import { type Probe, type ProbeResponse, statusText } from "./probe.ts";

const giveHosts = notChecked("the API and the media host", "Give --api https://… and --media https://….");

/** Whether the API and the media host answer at the given URLs, and are ready. */
export const hostsCheck: Check<Live> = {
  name: "hosts",
  passed: "the hosts answer, and so does everything that they depend on",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [giveHosts];
    const findings = hosts.map(async (host) => [...settingFindings(host, live), ...(await hostFindings(host, live))]);
    return (await Promise.all(findings)).flat();
  },
};

function settingFindings({ name, root }: Host, { configured }: Live): Finding[] {
  const [setting, url] =
    name === "API"
      ? (["STAGEDOOR_API_URL", configured.apiUrl] as const)
      : (["STAGEDOOR_MEDIA_URL", configured.mediaUrl] as const);
  if (url === undefined || url === root) return [];
  return [
    warning(
      "host_differs",
      `${name} ${root}`,
      `${setting} is ${url}: players use that host, and doctor checked another one.`,
      `Give the URL of ${setting}, or fix the setting.`,
    ),
  ];
}

async function hostFindings(host: Host, { probe }: Live): Promise<Finding[]> {
  const about = `${host.name} ${host.root}`;
  const health = await probe(`${host.root}/health`);
  if (health === "silent")
    return [
      fault(
        "host_silent",
        about,
        "It does not answer within 5 s.",
        "Check its DNS record, its route or custom domain, and that the worker is deployed.",
      ),
    ];
  const unhealthy = healthFinding(about, host, health);
  if (unhealthy !== undefined) return [unhealthy];
  const swapped = await swappedFinding(about, host, probe);
  if (swapped !== undefined) return [swapped];
  const ready = await probe(`${host.root}/ready`);
  if (ready === "silent")
    return [
      fault("not_ready", about, "/ready does not answer within 5 s.", "The worker's log says which part it waits for."),
    ];
  if (ready.status === 200) return [];
  return [
    fault(
      "not_ready",
      about,
      `/ready answers ${statusText(ready)}${failingParts(ready)}.`,
      "Check each part: `npx stagedoor doctor --env <name>` shows whether it is bound, and Cloudflare's status page whether it is up.",
    ),
  ];
}

/** Both hosts answer /health alike, and swapped hosts would pass the other checks: they refuse every unknown path. */
async function swappedFinding(about: string, { name, root }: Host, probe: Probe): Promise<Finding | undefined> {
  const response = await probe(name === "API" ? `${root}/doctor/0.ts` : `${root}/openapi.json`);
  if (response === "silent") return undefined;
  // The text is cut after 64 KiB, so the document cannot be parsed.
  const isApi = response.status === 200 && /^\{"openapi":"3/.test(response.text);
  if (!(name === "API" ? isMediaHost(response) : isApi)) return undefined;
  return fault(
    "hosts_swapped",
    about,
    `The ${name === "API" ? "media host" : "API"} answers at this URL.`,
    "Give the API's URL with --api and the media host's with --media. If they are right, fix the workers' routes.",
  );
}

function healthFinding(about: string, host: Host, health: ProbeResponse): Finding | undefined {
  if (health.status === 200 && Object(parseJson(health.text)).status === "ok") return undefined;
  if (health.code === "configuration_invalid")
    return fault(
      "not_ready",
      about,
      "Its configuration is invalid: it answers every request with 500 configuration_invalid.",
      "The worker's log lists every error, and so does `npx stagedoor doctor --env <name> --ring keys.json`.",
    );
  const isStagedoor = health.code !== undefined || (isLocalUrl(host.url) && health.status === 404);
  if (isStagedoor)
    return warning(
      "health_unknown",
      about,
      `/health answers ${statusText(health)}: the deployed version of Stagedoor does not have this route.`,
      "Deploy the current version.",
    );
  return fault(
    "host_strange",
    about,
    `/health answers ${statusText(health)}, as Stagedoor never does: another server answers at this URL.`,
    "Check the route or custom domain, and the rules of your zone (a page rule, Access, another worker).",
  );
}

/** The names of the parts that fail, as `: catalog, manifest`; nothing else of the body is shown. */
function failingParts({ text }: ProbeResponse): string {
  const body: unknown = parseJson(text);
  const names = [Object(body).missing, Object(body).parts, Object(body).failing].flatMap((value: unknown) =>
    Array.isArray(value)
      ? value
      : Object.entries(Object(value)).flatMap(([name, state]) => (state === "ok" ? [] : [name])),
  );
  const valid = names.filter((name) => typeof name === "string" && /^[\w .-]{1,64}$/.test(name));
  return valid.length === 0 ? "" : `: ${valid.join(", ")}`;
}

/** Whether the hosts' clocks agree with this machine's clock: signatures made here expire by the hosts' clocks. */
export const clocksCheck: Check<Live> = {
  name: "clocks",
  passed: "the hosts' clocks agree with this machine's",
  run: async (live) => {
    const hosts = hostsOf(live);
    if (hosts.length === 0) return [giveHosts];
    // CloudFront's function compares times with its own clock.
    const distributions = [...functionAssets(live).keys()].map((root) => ({ name: "distribution", root }));
    return (await Promise.all([...hosts, ...distributions].map((host) => clockFindings(host, live)))).flat();
  },
};

async function clockFindings(
  { name, root }: { readonly name: string; readonly root: string },
  { probe }: Live,
): Promise<Finding[]> {
  const about = `${name} ${root}`;
  const response = await probe(`${root}/health`);
  if (response === "silent") return [notChecked(`the clock of the ${about}`, "It does not answer.")];
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(date))
    return isLocalUrl(root)
      ? [] // the same machine has the same clock
      : [
          warning(
            "clock_unknown",
            about,
            "Its responses have no Date header, so its clock is unknown.",
            "Find out what in front of the worker removes the header.",
          ),
        ];
  // The header has whole seconds, and may be from any moment of the exchange.
  const difference = Math.max(0, Math.abs(date + 500 - response.at) - 500 - response.duration / 2) / 1000;
  if (difference <= 30) return [];
  return [
    (difference > 60 ? fault : warning)(
      "clock_off",
      about,
      `Its clock and this machine's differ by ${Math.round(difference)} s: URLs and tokens that one of them signs expire too early, or become valid too late, at the other.`,
      "Set the wrong clock by NTP. Cloudflare's clocks are right, so it is this machine's: set it before you sign anything here.",
    ),
  ];
}

/** Whether requests over plain HTTP are redirected or refused. */
export const plainHttpCheck: Check<Live> = {
  name: "plain http",
  passed: "plain http is refused or redirected to https",
  run: async (live) => {
    const hosts = hostsOf(live).filter(({ root }) => root.startsWith("https:"));
    if (hosts.length === 0) return [notChecked("plain http", "Give --api and --media with https URLs.")];
    const findings = hosts.map(async ({ name, root }): Promise<Finding[]> => {
      const response = await live.probe(root.replace(/^https:/, "http:"));
      if (response === "silent")
        return (await live.probe(`${root}/health`)) === "silent"
          ? [notChecked(`plain http at the ${name} ${root}`, "It does not answer over https either.")]
          : [];
      if (response.status === 403) return [];
      const location = response.headers.get("Location") ?? "";
      if (response.status >= 300 && response.status < 400 && location.startsWith("https:")) return [];
      return [
        fault(
          "plain_http_served",
          `${name} ${root}`,
          `It answers ${statusText(response)} over plain http, where anyone on the network can read tokens and URLs.`,
          "Turn on Always Use HTTPS for the zone, and let nothing in front of the workers answer plain http.",
        ),
      ];
    });
    return (await Promise.all(findings)).flat();
  },
};
