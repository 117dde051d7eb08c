import { readDecimal } from "../base/encoding.ts";
import { attributeList, attributeText } from "./attributes.ts";
import type { PlaylistTraits } from "./template.ts";

/** Collects the properties of a media playlist, line by line, for a generated multivariant playlist and for reloads. */
export class Traits implements PlaylistTraits {
  version: number | undefined;
  independentSegments = false;
  bandwidth: number | undefined;
  canBlock = false;
  /** EXT-X-MEDIA-SEQUENCE; 0 if it is missing (RFC 8216bis §4.4.3.2). */
  mediaSequence = 0;
  /** The number of parts after the last segment. */
  parts = 0;
  #duration = 0;
  #bytes = 0;
  #bitrate = 0;

  tag(name: string, text: string, from: number, to: number): void {
    const value = () => Number.parseFloat(text.slice(from, Math.min(to, from + 32)));
    if (name === "#EXTINF") this.#duration = value();
    else if (name === "#EXT-X-BYTERANGE") this.#bytes = value();
    else if (name === "#EXT-X-BITRATE")
      this.#bitrate = value() * 1000; // kilobits a second, §4.4.4.8
    else if (name === "#EXT-X-VERSION") this.version = wholeNumber(value());
    else if (name === "#EXT-X-INDEPENDENT-SEGMENTS") this.independentSegments = true;
    else if (name === "#EXT-X-PART") this.parts++;
    else if (name === "#EXT-X-MEDIA-SEQUENCE") this.mediaSequence = readDecimal(text, from, to) ?? 0;
    else if (name === "#EXT-X-SERVER-CONTROL") {
      const list = attributeList(text, from, to);
      this.canBlock = list.ok && attributeText(text, list.value, "CAN-BLOCK-RELOAD") === "YES";
    }
  }

  /** A segment's URI line ends its tags. A byte range is more precise than an announced rate. */
  segment(): void {
    const rate = this.#bytes > 0 && this.#duration > 0 ? (this.#bytes * 8) / this.#duration : this.#bitrate;
    if (rate > 0 && Number.isFinite(rate)) this.bandwidth = Math.max(this.bandwidth ?? 0, Math.ceil(rate));
    this.parts = 0;
    this.#duration = 0;
    this.#bytes = 0;
  }
}

function wholeNumber(value: number): number | undefined {
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
