import { describe, expect, it } from "vitest";
import { readSeries, seriesOf, spellSeries } from "../../../src/metrics/metrics.ts";
import { prometheusText } from "../../../src/metrics/prometheus-text.ts";

describe("a series", () => {
  it("has its labels in the metric's order, however they are given", () => {
    expect(seriesOf("stagedoor_refused_total", { code: "key_unknown", worker: "edge" })).toBe(
      'stagedoor_refused_total{worker="edge",code="key_unknown"}',
    );
    expect(seriesOf("stagedoor_started_total", {})).toBe("stagedoor_started_total");
  });

  it.each(['a"b', "a\\", "a\nb", 'a"} 1\nstagedoor_fake 1', "a,b={}", "\\n"])(
    "quotes a label value so that it reads back unchanged: %j",
    (value) => {
      const series = spellSeries("stagedoor_x", [["kid", value]]);
      expect(series).not.toContain("\n");
      expect(readSeries(series)).toEqual({ name: "stagedoor_x", labels: { kid: value } });
    },
  );

  it.each([
    "",
    "1a",
    "a{",
    'a{b="c"',
    "a{b=c}",
    'a{b="c"} 1',
    'a{b="c"d"}',
    "a\nb",
    "a b",
    'a{b="c",}',
    'a{b="c"d="e"}',
    'a{b="c",b="d"}',
    'a{__proto__="c"}',
  ])("cannot be read from %j", (text) => {
    expect(readSeries(text)).toBeUndefined();
  });
});

describe("the text format", () => {
  it("has each metric once with its help and type, and a histogram's buckets in the order of their bounds", () => {
    const text = prometheusText([
      ['stagedoor_origin_seconds_bucket{outcome="answered",le="+Inf"}', 3],
      ['stagedoor_origin_seconds_bucket{outcome="answered",le="10"}', 3],
      ['stagedoor_origin_seconds_bucket{outcome="answered",le="2.5"}', 2],
      ['stagedoor_origin_seconds_count{outcome="answered"}', 3],
      ['stagedoor_origin_seconds_sum{outcome="answered"}', 4.25],
      ["stagedoor_started_total", 7],
    ]);
    expect(text).toBe(`# HELP stagedoor_started_total Streams that were started.
# TYPE stagedoor_started_total counter
stagedoor_started_total 7
# HELP stagedoor_origin_seconds Time until the headers of an origin's response, without successful blocking reloads.
# TYPE stagedoor_origin_seconds histogram
stagedoor_origin_seconds_bucket{outcome="answered",le="2.5"} 2
stagedoor_origin_seconds_bucket{outcome="answered",le="10"} 3
stagedoor_origin_seconds_bucket{outcome="answered",le="+Inf"} 3
stagedoor_origin_seconds_count{outcome="answered"} 3
stagedoor_origin_seconds_sum{outcome="answered"} 4.25
`);
  });

  it("has a metric of another version as untyped", () => {
    expect(prometheusText([['stagedoor_later_total{a="b"}', 1]])).toBe(
      '# HELP stagedoor_later_total A metric of another version.\n# TYPE stagedoor_later_total untyped\nstagedoor_later_total{a="b"} 1\n',
    );
  });
});
