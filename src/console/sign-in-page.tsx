import { requestedPage, signInPath } from "./console-request.ts";
import { Frame } from "./frame.tsx";
import { page, type RefusalDetails, redirect } from "./page-response.tsx";
import { RefusalNote } from "./parts.tsx";

interface SignInProps {
  /** Why the last attempt, or the session, was refused. */
  readonly details?: RefusalDetails;
  /** The page to open after the sign-in. */
  readonly to?: string;
}

export function SignInPage({ details, to = "" }: SignInProps) {
  return (
    <Frame title="Sign in">
      <h1>Operator sign-in</h1>
      <p class="quiet">Paste your credential. The session lasts up to eight hours; the credential is not stored.</p>
      {details === undefined ? null : (
        <div class="spaced">
          <RefusalNote details={details} />
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
        <summary>Where do I get a credential?</summary>
        <p>The holder of the key ring creates it with the scopes that you need, and can revoke it at any time:</p>
        <pre>npx stagedoor operator new --name ann --ring keys.json --out ann.jwt</pre>
      </details>
    </Frame>
  );
}

/** A page or action that was refused. */
export function RefusalPage({
  details,
  operator,
}: {
  readonly details: RefusalDetails;
  readonly operator?: string | undefined;
}) {
  return (
    <Frame title={details.title} operator={operator}>
      <h1>{details.title}</h1>
      <RefusalNote details={details} hasHeading />
      <p>
        <a href="/console">Go to the overview</a>
      </p>
    </Frame>
  );
}

/** Loads another page at once. */
function RetryPage({ path }: { readonly path: string }) {
  return (
    <Frame title="Console" redirectTo={path}>
      <p>
        <a href={path}>Go to the console</a>
      </p>
    </Frame>
  );
}

/**
 * For a request without a session. A link from another site, such as an alert, arrives without the `SameSite=Strict`
 * cookie even if the operator is signed in: the page then reloads itself once, which sends the cookie.
 */
export function redirectToSignIn(request: Pick<Request, "method" | "url" | "headers">): Response {
  const { pathname, searchParams } = new URL(request.url);
  const site = request.headers.get("Sec-Fetch-Site");
  if ((site !== "cross-site" && site !== "same-site") || searchParams.has("again")) {
    const to = requestedPage(request);
    return redirect(to === "" ? signInPath : `${signInPath}?${new URLSearchParams({ to })}`);
  }
  searchParams.set("again", "");
  return page(<RetryPage path={`${pathname}?${searchParams}`} />);
}
