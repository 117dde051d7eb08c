import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { version } from "../../../src/base/constants.ts";
import { causeOf } from "../../../src/http/cause.ts";
import { isRefusalCode, problemFor, refusalCodes } from "../../../src/http/problems.ts";
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

/** The labels that Prometheus adds to every series. */
const added = ["job", "instance"];

interface MetricUse {
  readonly metric: Metric | undefined;
  readonly suffix: string;
  readonly labels: readonly string[];
  readonly matchers: string;
}

function metricsIn(expr: string): readonly MetricUse[] {
  return [...expr.matchAll(/\b(stagedoor_\w+?)(_bucket|_sum|_count)?(?![\w])(?:\{([^}]*)\})?/g)].map(
    ([, name = "", suffix = "", matchers = ""]) => ({
      metric: Object.entries(metrics).find(([known]) => known === name)?.[1],
      suffix,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
      matchers,
    }),
  );
}

describe.each(queries)("the query of %s, %s,", (_, expr, legend) => {
  const uses = metricsIn(expr);

  it("uses existing metrics with the right suffix", () => {
    expect(uses.length).toBeGreaterThan(0);
    for (const { metric, suffix } of uses)
      expect([metric !== undefined, suffix !== ""]).toEqual([true, metric?.type === "histogram"]);
  });

  it("uses existing labels of its metrics", () => {
    for (const { metric, suffix, labels } of uses)
      expect([...(metric?.labels ?? []), ...added, ...(suffix === "_bucket" ? ["le"] : [])]).toEqual(
        expect.arrayContaining([...labels]),
      );
    const known = [...uses.flatMap(({ metric }) => metric?.labels ?? []), ...added, "le"];
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
    const shown = [...legend.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = ""]) => label);
    expect(known).toEqual(expect.arrayContaining([...grouped, ...shown]));
    // A label that was summed away cannot be shown.
    if (grouped.length > 0) expect([...grouped, ...added]).toEqual(expect.arrayContaining(shown));
  });

  it("names existing codes and bucket bounds", () => {
    for (const { metric, matchers } of uses) {
      const codes = /\bcode=~?"([^"]*)"/.exec(matchers)?.[1]?.split("|") ?? [];
      expect(codes.filter((code) => !isRefusalCode(code))).toEqual([]);
      const [, operator, bound] = /\ble(=~?)"([^"]*)"/.exec(matchers) ?? [];
      if (bound === undefined) continue;
      const pattern = new RegExp(`^(?:${bound.replaceAll("\\\\", "\\")})$`);
      const matches = (text: string) => (operator === "=" ? text === bound : pattern.test(text));
      const bounds = (metric?.buckets ?? []).filter((one) => matches(String(one)));
      expect(bounds).toHaveLength(1);
      // Prometheus 2 writes a whole number as it is, Prometheus 3 with a decimal.
      for (const one of bounds.filter(Number.isInteger)) expect([one, matches(`${one}.0`)]).toEqual([one, true]);
    }
  });
});

describe("an alert", () => {
  it("is a page for seven kinds of fault, and a warning for six", () => {
    const by = (severity: string) =>
      rules.filter(({ labels }) => labels.severity === severity).map(({ alert }) => alert);
    expect(by("page")).toHaveLength(7);
    expect(by("warning")).toEqual([
      "StagedoorStartsFew",
      "StagedoorRevocationsMany",
      "StagedoorCloudFrontFull",
      "StagedoorKeyOverdue",
      "StagedoorProtectionOff",
      "StagedoorWebhooksDropped",
    ]);
  });

  it.each(rules.map(({ alert, annotations }) => [alert, annotations.runbook] as const))(
    "refers for %s to an existing section",
    (_, runbook) => {
      const [file = "", anchor = ""] = runbook.split("#");
      expect(existsSync(join(root, file))).toBe(true);
      const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slug(heading));
      expect(headings).toContain(anchor);
    },
  );

  it("does not fire for a viewer's mistake: the codes of StagedoorFailing are server errors", () => {
    const failing = rules.find(({ alert }) => alert === "StagedoorFailing")?.expr ?? "";
    const codes = [...failing.matchAll(/code=~?"([^"]*)"/g)].flatMap(([, some = ""]) => some.split("|"));
    expect(codes.filter(isRefusalCode).map((code) => problemFor(code).status)).toEqual([500, 500]);
  });

  it("evaluates each deployment by itself", () => {
    for (const { alert, expr } of rules) {
      const summed = [...expr.matchAll(/\b(?:sum|max|count)\b(?: by \(([^)]*)\))?/g)].map(([, by = ""]) =>
        by.split(/,\s*/),
      );
      expect([alert, summed.filter((by) => !by.includes("job"))]).toEqual([alert, []]);
      expect([alert, /\babsent(_over_time)?\(/.test(expr)]).toEqual([alert, false]);
    }
  });

  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)(
    "passes promtool's cases, where it is installed",
    () => {
      const { status, stderr } = spawnSync("promtool", [
        "test",
        "rules",
        join(root, "docs/prometheus/alerts.test.yml"),
      ]);
      expect([status, String(stderr)]).toEqual([0, ""]);
    },
  );

  it("names existing causes", () => {
    const causes = rules.flatMap(({ expr }) => [...expr.matchAll(/cause="([^"]*)"/g)].map(([, cause]) => cause));
    expect(causes.length).toBeGreaterThan(0);
    expect(causes.filter((cause) => !refusalCodes.some((code) => causeOf(code) === cause))).toEqual([]);
  });

  it("has a test case in which it fires", () => {
    const cases = read("docs/prometheus/alerts.test.yml");
    expect(rules.map(({ alert }) => alert).filter((alert) => !cases.includes(`alertname="${alert}"`))).toEqual([]);
  });

  it("for wrong configuration covers every worker, and the silence alert covers the media host", () => {
    const exprOf = (name: string) => rules.find(({ alert }) => alert === name)?.expr ?? "";
    expect(exprOf("StagedoorFailing")).toContain('{code="configuration_invalid"}');
    expect(exprOf("StagedoorSilent")).toContain('worker="edge"');
    expect(exprOf("StagedoorSignaturesRefused")).not.toMatch(/worker="(edge|manifest)"/);
  });
});

describe("the dashboard", () => {
  it("has a panel for every metric", () => {
    const all = targets.map(({ expr }) => expr).join("\n");
    expect(Object.keys(metrics).filter((name) => !all.includes(name))).toEqual([]);
  });

  it("queries the chosen data source and deployment", () => {
    expect(dashboard.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "datasource datasource",
      "job query",
    ]);
    expect(
      targets.filter(({ expr }) => metricsIn(expr).some(({ matchers }) => !matchers.includes('job="$job"'))),
    ).toEqual([]);
    const uids = [...read("docs/grafana/dashboard.json").matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid);
    expect([...new Set(uids)].toSorted()).toEqual([["$", "{datasource}"].join(""), "stagedoor"]);
  });

  it("has panels with unique ids that do not overlap", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

describe("the monitoring page", () => {
  const page = read("docs/operate/monitoring.md");

  it("lists every metric with its labels and help", () => {
    const table = Object.entries(metrics).map(([name, metric]) => {
      const labels = metric.labels.map((label) => `\`${label}\``).join(", ");
      return `| \`${name}\` | ${metric.type} | ${labels === "" ? "–" : labels} | ${metric.help} |`;
    });
    for (const line of table) expect(page).toContain(`${line}\n`);
  });
});

it("the reported version is that of package.json", () => {
  expect(version).toBe(z.object({ version: z.string() }).parse(JSON.parse(read("package.json"))).version);
});

/** GitHub's anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
