import type { DemoStream } from "./demo-data.ts";
import { found } from "./element.ts";

const choice = found("stream", HTMLSelectElement);

const groups: readonly { readonly label: string; readonly holds: (stream: DemoStream) => boolean }[] = [
  { label: "Served by the edge worker", holds: ({ cdn, live }) => cdn === "edge" && !live },
  { label: "Live", holds: ({ live }) => live },
  { label: "Signed for CloudFront", holds: ({ cdn }) => cdn === "cloudfront-signed" },
];

/** Offers the streams that can be played, with the one that is wished for chosen. Gives back the one that is chosen. */
export function offerStreams(streams: readonly DemoStream[], wished: string | null): () => string {
  choice.replaceChildren(
    ...groups.map(({ label, holds }) => {
      const group = document.createElement("optgroup");
      group.label = label;
      for (const stream of streams)
        if (stream.playable && holds(stream)) group.append(new Option(`${stream.id}: ${stream.title}`, stream.id));
      return group;
    }),
  );
  if (streams.some(({ id, playable }) => playable && id === wished)) choice.value = wished ?? "";
  return () => choice.value;
}
