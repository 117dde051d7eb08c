import type { DemoStream } from "./demo-data.ts";
import { elementById } from "./element.ts";

const choice = elementById("stream", HTMLSelectElement);

const groups: readonly { readonly label: string; readonly contains: (stream: DemoStream) => boolean }[] = [
  { label: "Served by the edge worker", contains: ({ cdn, live }) => cdn === "edge" && !live },
  { label: "Live", contains: ({ live }) => live },
  { label: "Signed for CloudFront", contains: ({ cdn }) => cdn === "cloudfront-signed" },
];

/** Offers the playable streams and selects `preferred`. The returned function reads the selected stream. */
export function offerStreams(streams: readonly DemoStream[], preferred: string | null): () => string {
  choice.replaceChildren(
    ...groups.map(({ label, contains }) => {
      const group = document.createElement("optgroup");
      group.label = label;
      for (const stream of streams)
        if (stream.playable && contains(stream)) group.append(new Option(`${stream.id}: ${stream.title}`, stream.id));
      return group;
    }),
  );
  if (streams.some(({ id, playable }) => playable && id === preferred)) choice.value = preferred ?? "";
  return () => choice.value;
}
