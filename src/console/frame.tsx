import type { Child } from "hono/jsx";
import { scriptPath, stylePath } from "./static-files.ts";

export interface FrameProps {
  readonly title: string;
  /** The current page in the menu; none before the sign-in. */
  readonly at?: "overview" | "history" | "viewer" | "breakdown" | "revocations" | "explain" | "simulate" | "codes";
  /** The signed-in operator's name. */
  readonly operator?: string | undefined;
  /** Whether the page refreshes itself while it is visible. */
  readonly live?: boolean;
  /** The URL that the browser loads at once. */
  readonly redirectTo?: string;
  readonly children?: Child;
}

const pages = [
  ["overview", "/console", "Overview"],
  ["history", "/console/history", "History"],
  ["viewer", "/console/viewer", "Viewer"],
  ["breakdown", "/console/breakdown", "Breakdown"],
  ["revocations", "/console/revocations", "Revocations"],
  ["explain", "/console/explain", "Explain"],
  ["simulate", "/console/simulate", "Simulate"],
] as const;

export function Frame({ title, at, operator, live = false, redirectTo, children }: FrameProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        {redirectTo === undefined ? null : <meta http-equiv="refresh" content={`0; url=${redirectTo}`} />}
        <title>{`${title} · Stagedoor console`}</title>
        <link rel="icon" href="/console/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={stylePath} />
        <script src={scriptPath} defer></script>
      </head>
      <body {...(live ? { "data-refresh": "5" } : {})}>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <header class="top">
          <a class="brand" href="/console">
            <img src="/console/icon.svg" alt="" width="28" height="28" />
            <span>Stagedoor</span>
          </a>
          {operator === undefined ? null : <Menu at={at} operator={operator} />}
        </header>
        <main id="main" class={at ?? "sign-in"}>
          {children}
        </main>
      </body>
    </html>
  );
}

function Menu({ at, operator }: { readonly at: FrameProps["at"]; readonly operator: string }) {
  return (
    <>
      <nav aria-label="Console">
        {pages.map(([name, href, text]) => (
          <a href={href} {...(name === at ? { "aria-current": "page" } : {})}>
            {text}
          </a>
        ))}
      </nav>
      <form class="who" method="post" action="/console/sign-out">
        <span class="name" title={operator}>
          {operator}
        </span>
        <button class="small" type="submit">
          Sign out
        </button>
      </form>
    </>
  );
}
