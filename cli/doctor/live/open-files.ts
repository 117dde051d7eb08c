import type { Asset } from "../../../src/catalog/asset.ts";
import { type Finding, fault, warning } from "../finding.ts";
import { type Answer, type Ask, type Question, told } from "./ask.ts";
import type { Live } from "./live.ts";

/** A file of an origin: what it is, and its whole URL. */
export interface OriginFile {
  readonly what: "entry" | "playlist" | "segment" | "init segment" | "key";
  readonly url: string;
}

/** The ways in which a server that refuses the plain request has been seen to answer all the same. */
const tricks: readonly (readonly [what: string, query: string, question: Question])[] = [
  ["a plain GET", "", {}],
  ["a GET with a query", "x=1", {}],
  ["a GET of a range", "", { headers: { Range: "bytes=0-15" } }],
  ["a HEAD", "", { method: "HEAD" }],
];

/** Tries to get a file without the origin's secret. Nothing is found where every answer is a refusal. */
export async function openFile({ id }: Asset, { what, url }: OriginFile, { ask }: Live): Promise<Finding[]> {
  const about = `asset ${id}`;
  const { host } = new URL(url);
  const unclear: string[] = [];
  for (const [how, query, question] of tricks) {
    const got = await judge(withQuery(url, query), question, ask);
    if (got.verdict === "given")
      return [
        fault(
          "origin_open",
          about,
          `Its origin ${host} answers ${got.said} to ${how} of its ${what} without any secret: who learns its address takes every file past Stagedoor.`,
          "Close it: no public access to the bucket, no policy for Principal *, and a server that asks every method, range and kind of file for the secret.",
        ),
      ];
    if (got.verdict === "unclear") unclear.push(`${how} ${got.said}`);
  }
  if (unclear.length === 0) return [];
  return [
    warning(
      "origin_unclear",
      about,
      `It cannot be judged whether its origin ${host} keeps its ${what} from who has no secret: ${unclear.join(", ")}.`,
      "Let the origin refuse who has no secret by 401, 403 or 404, and run this again.",
    ),
  ];
}

type Judged = { readonly verdict: "given" | "refused" | "unclear"; readonly said: string };

/** 4xx is a refusal, but for those that ask to come again; content is content wherever a redirect leads. */
async function judge(url: string, question: Question, ask: Ask): Promise<Judged> {
  const answer = await ask(url, question);
  if (answer === "silent") return { verdict: "unclear", said: "is not answered within 5 s" };
  const { status } = answer;
  if (isContent(answer)) return { verdict: "given", said: told(answer) };
  if (status >= 300 && status < 400) {
    const led = await ask(url, { ...question, follow: true });
    if (led !== "silent" && isContent(led) && !isPage(led)) return { verdict: "given", said: told(led) };
    return { verdict: "unclear", said: `is answered ${told(answer)}, a redirect` };
  }
  if (status >= 400 && status < 500 && !again.has(status)) return { verdict: "refused", said: told(answer) };
  return { verdict: "unclear", said: `is answered ${told(answer)}` };
}

const again: ReadonlySet<number> = new Set([408, 425, 429]);

function isContent({ status }: Answer): boolean {
  return status === 200 || status === 206;
}

/** What a redirect to a sign-in leads to. */
function isPage({ headers }: Answer): boolean {
  return headers.get("Content-Type")?.startsWith("text/html") === true;
}

function withQuery(url: string, query: string): string {
  return query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`;
}
