import type { Completed } from "../lib/command.ts";
import { coloured } from "../lib/text.ts";
import type { CheckResult, Finding } from "./finding.ts";

const statusIcons = {
  ok: ["green", "ok"],
  warn: ["gray", "warn"],
  NO: ["red", "NO"],
  skipped: ["gray", "--"],
} as const;
type Status = keyof typeof statusIcons;

/** The report as text and as JSON: a line per check, then what to do. The exit code is 1 if there is a fault. */
export function report(results: readonly CheckResult[], about: Readonly<Record<string, unknown>>): Completed {
  const findings = results.flatMap((result) => result.findings);
  const problems = findings.filter(({ severity }) => severity !== "fine");
  const faults = problems.filter(({ severity }) => severity === "fault").length;
  const warnings = problems.length - faults;
  const checks = results.map((result) => ({ check: result.name, state: statusOf(result), text: textOf(result) }));
  const summary =
    problems.length === 0
      ? coloured("green", "No problems found in what was checked.")
      : `${counted(faults, "fault")}, ${counted(warnings, "warning")}.`;
  const text = [
    ...checks.map(line),
    ...problems.toSorted((a, b) => Number(b.severity === "fault") - Number(a.severity === "fault")).map(paragraph),
    `\n${summary}`,
  ].join("\n");
  return {
    exit: faults > 0 ? 1 : 0,
    text,
    json: { ...about, faults, warnings, checks, findings },
  };
}

function statusOf({ findings }: CheckResult): Status {
  if (findings.some(({ severity }) => severity === "fault")) return "NO";
  if (findings.some(({ severity }) => severity === "warning")) return "warn";
  return findings.length > 0 ? "skipped" : "ok";
}

function textOf({ findings, passed }: CheckResult): string {
  const faults = findings.filter(({ severity }) => severity === "fault").length;
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  const skipped = findings.filter(({ severity }) => severity === "fine");
  const parts = [
    ...(faults > 0 ? [counted(faults, "fault")] : []),
    ...(warnings > 0 ? [counted(warnings, "warning")] : []),
    ...(findings.length === 0 ? [passed] : []),
    ...skipped.map((finding) => `not checked: ${finding.about}. ${finding.do}`),
  ];
  return parts.join("; ");
}

function line({ check, state, text }: { check: string; state: Status; text: string }): string {
  const [colour, icon] = statusIcons[state];
  return `${coloured(colour, icon.padEnd(4))}  ${check.padEnd(14)}  ${text}`;
}

function paragraph({ id, severity, about, found, do: whatToDo }: Finding): string {
  const icon = severity === "fault" ? coloured("red", "NO  ") : coloured("gray", "warn");
  return `\n${icon}  ${id} (${about})\n  Found       ${found}\n  What to do  ${whatToDo}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
