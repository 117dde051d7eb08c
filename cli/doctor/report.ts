import type { Answered } from "../lib/command.ts";
import { coloured } from "../lib/text.ts";
import type { Examined, Finding } from "./finding.ts";

const statusIcons = {
  ok: ["green", "ok"],
  warn: ["gray", "warn"],
  NO: ["red", "NO"],
  skipped: ["gray", "--"],
} as const;
type Mark = keyof typeof statusIcons;

/** The report as text and as JSON: a line per check, then what to do. The exit code is 1 if there is a fault. */
export function report(examined: readonly Examined[], about: Readonly<Record<string, unknown>>): Answered {
  const findings = examined.flatMap((check) => check.findings);
  const told = findings.filter(({ severity }) => severity !== "fine");
  const faults = told.filter(({ severity }) => severity === "fault").length;
  const checks = examined.map((check) => ({ check: check.name, state: markOf(check), text: textOf(check) }));
  const summary =
    told.length === 0
      ? coloured("green", "No problems found in what was checked.")
      : `${counted(faults, "fault")}, ${counted(told.length - faults, "warning")}.`;
  const text = [
    ...checks.map(line),
    ...told.toSorted((a, b) => Number(b.severity === "fault") - Number(a.severity === "fault")).map(paragraph),
    `\n${summary}`,
  ].join("\n");
  return {
    exit: faults > 0 ? 1 : 0,
    text,
    json: { ...about, faults, warnings: told.length - faults, checks, findings },
  };
}

function markOf({ findings }: Examined): Mark {
  if (findings.some(({ severity }) => severity === "fault")) return "NO";
  if (findings.some(({ severity }) => severity === "warning")) return "warn";
  return findings.length > 0 ? "skipped" : "ok";
}

function textOf({ findings, held }: Examined): string {
  const faults = findings.filter(({ severity }) => severity === "fault").length;
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  const skipped = findings.filter(({ severity }) => severity === "fine");
  const parts = [
    ...(faults > 0 ? [counted(faults, "fault")] : []),
    ...(warnings > 0 ? [counted(warnings, "warning")] : []),
    ...(findings.length === 0 ? [held] : []),
    ...skipped.map((finding) => `not looked at: ${finding.about}. ${finding.do}`),
  ];
  return parts.join("; ");
}

function line({ check, state, text }: { check: string; state: Mark; text: string }): string {
  const [colour, mark] = statusIcons[state];
  return `${coloured(colour, mark.padEnd(4))}  ${check.padEnd(14)}  ${text}`;
}

function paragraph({ id, severity, about, found, do: whatToDo }: Finding): string {
  const mark = severity === "fault" ? coloured("red", "NO  ") : coloured("gray", "warn");
  return `\n${mark}  ${id} (${about})\n  Found       ${found}\n  What to do  ${whatToDo}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
