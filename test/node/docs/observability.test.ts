import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { version } from "../../../src/base/constants.ts";
import { isRefusalCode, problemFor } from "../../../src/http/problems.ts";
import { type Metric, metrics } from "../../../src/metrics/metrics.ts";

const root = resolve(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

const dashboardSchema = z.object({
  schemaVersion: z.int().min(39),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.string(),
      title: z.string(),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string().optional() })).default([]),
    }),
  ),
});

const alertsSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().regex(/^\d+[mh]$/),
          labels: z.strictObject({ severity: z.enum(["page", "warning"]) }),
          annotations: z.strictObject({ summary: z.string(), action: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

const dashboard = dashboardSchema.parse(JSON.parse(read("docs/grafana/dashboard.json")));
const rules = alertsSchema.parse(parse(read("docs/prometheus/alerts.yml"))).groups.flatMap((group) => group.rules);
const targets = dashboard.panels.flatMap(({ title, targets: all }) => all.map((target) => ({ title, ...target })));
const queries = [
  ...targets.map(({ title, expr, legendFormat = "" }) => [title, expr, legendFormat] as const),
  ...rules.map(({ alert, expr, annotations }) => [alert, expr, Object.values(annotations).join(" ")] as const),
];

/** What Prometheus adds to every series that it scrapes. */
const added = ["job", "instance"];

interface Used {
  readonly metric: Metric | undefined;
  readonly suffix: string;
  readonly labels: readonly string[];
  readonly matchers: string;
}

function usedIn(expr: string): readonly Used[] {
  return [...expr.matchAll(/\b(stagedoor_\w+?)(_bucket|_sum|_count)?(?![\w])(?:\{([^}]*)\})?/g)].map(
    ([, name = "", suffix = "", matchers = ""]) => ({
      metric: Object.entries(metrics).find(([known]) => known === name)?.[1],
      suffix,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
      matchers,
    }),
  );
}

describe.each(queries)("the query of %s", (_, expr, legend) => {
  const used = usedIn(expr);

  it("asks for metrics that there are, as they are", () => {
    expect(used.length).toBeGreaterThan(0);
    for (const { metric, suffix } of used)
      expect([metric !== undefined, suffix !== ""]).toEqual([true, metric?.type === "histogram"]);
  });

  it("asks for labels that its metrics have", () => {
    for (const { metric, suffix, labels } of used)
      expect([...(metric?.labels ?? []), ...added, ...(suffix === "_bucket" ? ["le"] : [])]).toEqual(
        expect.arrayContaining([...labels]),
      );
    const known = [...used.flatMap(({ metric }) => metric?.labels ?? []), ...added, "le"];
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
    const shown = [...legend.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = ""]) => label);
    expect(known).toEqual(expect.arrayContaining([...grouped, ...shown]));
    // What was summed away cannot be shown.
    if (grouped.length > 0) expect([...grouped, ...added]).toEqual(expect.arrayContaining(shown));
  });

  it("names codes and bounds of buckets that there are", () => {
    for (const { metric, matchers } of used) {
      const codes = /\bcode=~?"([^"]*)"/.exec(matchers)?.[1]?.split("|") ?? [];
      expect(codes.filter((code) => !isRefusalCode(code))).toEqual([]);
      const [, how, bound] = /\ble(=~?)"([^"]*)"/.exec(matchers) ?? [];
      if (bound === undefined) continue;
      const pattern = new RegExp(`^(?:${bound.replaceAll("\\\\", "\\")})$`);
      const isNamed = (text: string) => (how === "=" ? text === bound : pattern.test(text));
      const meant = (metric?.buckets ?? []).filter((one) => isNamed(String(one)));
      expect(meant).toHaveLength(1);
      // Prometheus 2 writes a whole number as it came, Prometheus 3 with its decimal.
      for (const one of meant.filter(Number.isInteger)) expect([one, isNamed(`${one}.0`)]).toEqual([one, true]);
    }
  });
});

describe("the alerts", () => {
  it("are of the five things that wake somebody, and of two that can wait", () => {
    const by = (severity: string) =>
      rules.filter(({ labels }) => labels.severity === severity).map(({ alert }) => alert);
    expect(by("page")).toHaveLength(5);
    expect(by("warning")).toEqual(["StagedoorRevocationsMany", "StagedoorKeyOverdue"]);
  });

  it.each(rules.map(({ alert, annotations }) => [alert, annotations.runbook] as const))(
    "say of %s what to do, in a section that there is",
    (_, runbook) => {
      const [file = "", anchor = ""] = runbook.split("#");
      expect(existsSync(join(root, file))).toBe(true);
      const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slug(heading));
      expect(headings).toContain(anchor);
    },
  );

  it("wake nobody for what a viewer got wrong: their codes of faults are all of ours", () => {
    const failing = rules.find(({ alert }) => alert === "StagedoorFailing")?.expr ?? "";
    const codes = [...failing.matchAll(/code=~?"([^"]*)"/g)].flatMap(([, some = ""]) => some.split("|"));
    expect(codes.filter(isRefusalCode).map((code) => problemFor(code).status)).toEqual([500, 500]);
  });

  it("are of one deployment each: no other one that is well keeps them quiet", () => {
    for (const { alert, expr } of rules) {
      const summed = [...expr.matchAll(/\b(?:sum|max|count)\b(?: by \(([^)]*)\))?/g)].map(([, by = ""]) =>
        by.split(/,\s*/),
      );
      expect([alert, summed.filter((by) => !by.includes("job"))]).toEqual([alert, []]);
      expect([alert, /\babsent(_over_time)?\(/.test(expr)]).toEqual([alert, false]);
    }
  });

  it("have each a case in which they wake somebody", () => {
    const cases = read("docs/prometheus/alerts.test.yml");
    expect(rules.map(({ alert }) => alert).filter((alert) => !cases.includes(`alertname="${alert}"`))).toEqual([]);
  });

  it("watch each worker that says when it is configured wrongly, and the media host's as the API's", () => {
    const of = (name: string) => rules.find(({ alert }) => alert === name)?.expr ?? "";
    expect(of("StagedoorFailing")).toContain('{code="configuration_invalid"}');
    expect(of("StagedoorSilent")).toContain('worker="edge"');
    expect(of("StagedoorSignaturesRefused")).not.toMatch(/worker="(edge|manifest)"/);
  });
});

describe("the dashboard", () => {
  it("has a panel for every metric", () => {
    const all = targets.map(({ expr }) => expr).join("\n");
    expect(Object.keys(metrics).filter((name) => !all.includes(name))).toEqual([]);
  });

  it("asks the data source and the deployment that are chosen", () => {
    expect(dashboard.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "datasource datasource",
      "job query",
    ]);
    expect(targets.filter(({ expr }) => usedIn(expr).some(({ matchers }) => !matchers.includes('job="$job"')))).toEqual(
      [],
    );
    const uids = [...read("docs/grafana/dashboard.json").matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    expect([...new Set(uids)].toSorted()).toEqual([["$", "{datasource}"].join(""), "stagedoor"]);
  });

  it("lays no panel over another, and gives each an id of its own", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe("the page about monitoring", () => {
  const page = read("docs/operate/monitoring.md");

  it("has every metric with its labels and help", () => {
    const table = Object.entries(metrics).map(([name, metric]) => {
      const labels = metric.labels.map((label) => `\`${label}\``).join(", ");
      return `| \`${name}\` | ${metric.type} | ${labels === "" ? "–" : labels} | ${metric.help} |`;
    });
    for (const line of table) expect(page).toContain(`${line}\n`);
  });
});

it("the release that is told is that of package.json", () => {
  expect(version).toBe(z.object({ version: z.string() }).parse(JSON.parse(read("package.json"))).version);
});

/** As GitHub makes an anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
