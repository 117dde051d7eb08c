import * as z from "zod";
import type { RefusalCode } from "../../base/refusal.ts";
import { faceOf, refusalCodes } from "../faces.ts";
import { sessionId, time } from "./session-answers.ts";

/** Problem details as `http/problem.ts` writes them (RFC 9457). */
export const problem = z.strictObject({
  type: z.string().describe("`urn:stagedoor:problem:` and the code."),
  title: z.string().describe("The same for every refusal with this code."),
  status: z.int(),
  code: z.enum(refusalCodes).describe("Stable: what a program looks at."),
  detail: z.string().describe("What to do about it."),
  running: z
    .array(z.strictObject({ sessionId, asset: z.string(), startedAt: time, lastSeenAt: time }))
    .optional()
    .describe("With stream_limit: the viewer's own sessions that are running."),
  faults: z
    .array(z.string())
    .optional()
    .describe("With asset_invalid, body_invalid and revocation_invalid: what is wrong, by the name of the member."),
});

/** What is answered for a code, but for what a code tells beside the usual. */
export function problemExample(code: RefusalCode) {
  const { status, title, detail } = faceOf(code);
  return { type: `urn:stagedoor:problem:${code}`, title, status, code, detail };
}
