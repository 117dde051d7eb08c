import { Frame } from "./frame.tsx";
import { onTo, page, type Told } from "./page-response.tsx";
import { Refused } from "./parts.tsx";

/** The door: a field for the credential, and how one is made. `told` says why the last attempt, or the session, was refused; `to` is the page that was asked for. */
export function SignInPage({ told, to = "" }: { readonly told?: Told; readonly to?: string }) {
  return (
    <Frame title="Sign in">
      <h1>Operators, please</h1>
      <p class="quiet">Paste your credential. It is traded for a session of eight hours at most, and is not kept.</p>
      {told === undefined ? null : (
        <div class="spaced">
          <Refused told={told} />
        </div>
      )}
      <form method="post" action="/console/sign-in" autocomplete="off">
        {to === "" ? null : <input type="hidden" name="to" value={to} />}
        <div class="field">
          <label for="credential">Credential</label>
          <textarea
            id="credential"
            name="credential"
            required
            rows={5}
            placeholder="eyJ…"
            autocapitalize="none"
            autocomplete="off"
            spellcheck={false}
          ></textarea>
        </div>
        <div class="field" hidden>
          <label for="file">or its file</label>
          <input id="file" type="file" accept=".jwt,.txt" />
        </div>
        <button class="primary" type="submit">
          Sign in
        </button>
      </form>
      <details>
        <summary>Where do I get one?</summary>
        <p>Who holds the key ring makes it, with the scopes that you need, and can end it at any time:</p>
        <pre>npx stagedoor operator new --name ann --ring keys.json --out ann.jwt</pre>
      </details>
    </Frame>
  );
}

/** A page that could not be shown, or something that was not done. */
export function RefusedPage({ told, operator }: { readonly told: Told; readonly operator?: string | undefined }) {
  return (
    <Frame title={told.title} operator={operator}>
      <h1>{told.title}</h1>
      <Refused told={told} titled />
      <p>
        <a href="/console">To the overview</a>
      </p>
    </Frame>
  );
}

/** Goes on by itself. */
function DoorPage({ onTo }: { readonly onTo: string }) {
  return (
    <Frame title="Console" onTo={onTo}>
      <p>
        <a href={onTo}>To the console</a>
      </p>
    </Frame>
  );
}

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
