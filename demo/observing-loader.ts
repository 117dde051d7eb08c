import Hls, { type LoaderCallbacks, type LoaderConfiguration, type LoaderContext } from "hls.js";
import { problemOf } from "./problem.ts";
import type { Outcome, RequestKind, Watch } from "./watched-request.ts";

/**
 * hls.js's own loader, which also reports each request to `watch`. A browser follows redirects silently: a renewal
 * shows only because the response's URL differs from the requested one.
 */
export function observingLoader(watch: Watch) {
  return class ObservingLoader extends Hls.DefaultConfig.loader {
    #end: ((outcome: Outcome) => void) | undefined;

    /** A destroyed player reports no result of its requests. */
    override destroy(): void {
      this.#end?.({ verdict: "cancelled" });
      super.destroy();
    }

    override load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
    ): void {
      const requestedUrl = context.url;
      const { onSuccess, onError, onTimeout, onAbort } = callbacks;
      const report = watch({ kind: kindOf(context), url: requestedUrl });
      // Only the first result counts: a refusal that ends the session destroys the player, which aborts the refused
      // request.
      const end = (outcome: Outcome) => {
        if (this.#end !== end) return;
        this.#end = undefined;
        report(outcome);
      };
      this.#end = end;
      super.load(context, config, {
        ...callbacks,
        onSuccess(response, stats, loaded, details) {
          end({ verdict: "served", status: response.code ?? 200, renewedTo: renewed(requestedUrl, details) });
          onSuccess(response, stats, loaded, details);
        },
        onError(error, failed, details, stats) {
          end(refusedWith(error.code, requestedUrl, details));
          onError(error, failed, details, stats);
        },
        onTimeout(stats, late, details) {
          end({ verdict: "unreachable" });
          onTimeout(stats, late, details);
        },
        onAbort(stats, aborted, details) {
          end({ verdict: "cancelled" });
          onAbort?.(stats, aborted, details);
        },
      });
    }
  };
}

function kindOf(context: LoaderContext): RequestKind {
  const type: string = context.type;
  switch (type) {
    case "manifest":
      return "multivariant";
    case "level":
    case "audioTrack":
    case "subtitleTrack":
      return "playlist";
    case "key":
      return "key";
    case "media-fragment":
      return fragmentKind(context);
    default:
      return "file";
  }
}

function fragmentKind(context: LoaderContext): RequestKind {
  const fragment = "frag" in context ? context.frag : undefined;
  if (typeof fragment !== "object" || fragment === null) return "segment";
  if ("sn" in fragment && fragment.sn === "initSegment") return "init";
  return "type" in fragment && fragment.type === "subtitle" ? "subtitle" : "segment";
}

function refusedWith(status: number, requestedUrl: string, details: unknown): Outcome {
  if (status === 0 || !(details instanceof XMLHttpRequest)) return { verdict: "unreachable" };
  const body = details.responseType === "arraybuffer" ? textOf(details.response) : details.responseText;
  return { verdict: "refused", problem: problemOf(status, body), renewedTo: renewed(requestedUrl, details) };
}

function renewed(requestedUrl: string, details: unknown): string | undefined {
  const responseUrl = details instanceof XMLHttpRequest ? details.responseURL : "";
  return responseUrl === "" || responseUrl === requestedUrl ? undefined : responseUrl;
}

function textOf(body: unknown): string {
  return body instanceof ArrayBuffer ? new TextDecoder().decode(body) : "";
}
