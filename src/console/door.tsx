import { onTo, page } from "./answers.tsx";
import { DoorPage } from "./plain-pages.tsx";

const door = "/console/sign-in";

/** Whether a path is the console's. */
export function isConsolePath(path: string): boolean {
  return path === "/console" || path.startsWith("/console/");
}

/**
 * A page of the console's that somebody wants to go on to, as path and query; empty for the overview and for all that is none: a
 * link must not lead from the sign-in to another site.
 */
export function ownPage(text: string | undefined, url: string): string {
  if (text === undefined || !URL.canParse(text, url)) return "";
  const { origin, pathname, search } = new URL(text, url);
  const isOwn = origin === new URL(url).origin && isConsolePath(pathname) && pathname !== door;
  return isOwn && pathname + search !== "/console" ? pathname + search : "";
}

/** The page that a request asks for; empty for the overview, and where it sends something. */
export function pageAskedFor({ method, url }: Pick<Request, "method" | "url">): string {
  const asked = new URL(url);
  asked.searchParams.delete("again");
  return method === "GET" ? ownPage(asked.pathname + asked.search, url) : "";
}

/**
 * Where nobody is signed in. A link of another site, such as an alert's, comes without the cookie (`SameSite=Strict`), though its
 * operator may be signed in: then the page goes on to itself once, and that comes with it.
 */
export function toTheDoor(request: Pick<Request, "method" | "url" | "headers">): Response {
  const { pathname, searchParams } = new URL(request.url);
  const site = request.headers.get("Sec-Fetch-Site");
  if ((site !== "cross-site" && site !== "same-site") || searchParams.has("again")) {
    const to = pageAskedFor(request);
    return onTo(to === "" ? door : `${door}?${new URLSearchParams({ to })}`);
  }
  searchParams.set("again", "");
  return page(<DoorPage onTo={`${pathname}?${searchParams}`} />);
}
