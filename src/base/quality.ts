import * as z from "zod";

/** The values of VIDEO-RANGE (RFC 8216bis §4.4.6.2). A variant without the attribute is SDR. */
export const videoRanges = ["SDR", "HLG", "PQ"] as const;
type VideoRange = (typeof videoRanges)[number];

const most = 1_000_000_000;

/** What a viewer's plan allows, in a token's claim, an entitlement answer or a backend's start. */
export const qualityCapSchema = z
  .strictObject({
    maxHeight: z.int().min(1).max(65_535).optional().describe("The tallest video, in pixels: RESOLUTION's height."),
    maxBandwidth: z
      .int()
      .min(1)
      .max(most)
      .optional()
      .describe("The highest BANDWIDTH of a video variant, in bits per second."),
    excludeVideoRange: z
      .array(z.enum(videoRanges))
      .min(1)
      .max(2)
      .optional()
      .describe("Values of VIDEO-RANGE that the plan does not include: PQ and HLG for a plan without HDR."),
  })
  .describe(
    "The best quality that the viewer gets. Variants without a capped attribute are left out, audio alone stays.",
  );

export type QualityCap = z.output<typeof qualityCapSchema>;

/**
 * The quality class of a cap: `h720-b3000000-xhlg-xpq`, empty without a cap. It is canonical, so equal caps share playlists
 * and signatures, and it says the cap by itself.
 */
export function qualityClassOf({ maxHeight, maxBandwidth, excludeVideoRange = [] }: QualityCap): string {
  const excluded = [...new Set(excludeVideoRange)].map((range) => `x${range.toLowerCase()}`).sort();
  return [
    ...(maxHeight === undefined ? [] : [`h${maxHeight}`]),
    ...(maxBandwidth === undefined ? [] : [`b${maxBandwidth}`]),
    ...excluded,
  ].join("-");
}

/** The cap of a quality class; undefined if the text is not one, such as one of a later release. */
export function capOfClass(qualityClass: string): QualityCap | undefined {
  const excludeVideoRange: VideoRange[] = [];
  let [maxHeight, maxBandwidth]: (number | undefined)[] = [];
  for (const part of qualityClass === "" ? [] : qualityClass.split("-")) {
    const range = videoRanges.find((one) => part === `x${one.toLowerCase()}`);
    const number = /^[hb][1-9]\d{0,9}$/.test(part) ? Number(part.slice(1)) : undefined;
    if (range !== undefined) excludeVideoRange.push(range);
    else if (number === undefined) return undefined;
    else if (part.startsWith("h")) maxHeight = number;
    else maxBandwidth = number;
  }
  const cap = {
    ...(maxHeight !== undefined && { maxHeight }),
    ...(maxBandwidth !== undefined && { maxBandwidth }),
    ...(excludeVideoRange.length > 0 && { excludeVideoRange }),
  };
  return qualityClassOf(cap) === qualityClass ? cap : undefined;
}

/** Both caps at once: the stricter of each limit. */
export function stricterCap(a: QualityCap | undefined, b: QualityCap | undefined): QualityCap | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const lower = (x: number | undefined, y: number | undefined) =>
    x === undefined || y === undefined ? (x ?? y) : Math.min(x, y);
  const [maxHeight, maxBandwidth] = [lower(a.maxHeight, b.maxHeight), lower(a.maxBandwidth, b.maxBandwidth)];
  const excluded = new Set([...(a.excludeVideoRange ?? []), ...(b.excludeVideoRange ?? [])]);
  return {
    ...(maxHeight !== undefined && { maxHeight }),
    ...(maxBandwidth !== undefined && { maxBandwidth }),
    ...(excluded.size > 0 && { excludeVideoRange: [...excluded] }),
  };
}
