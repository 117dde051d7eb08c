import { readDecimal } from "../base/encoding.ts";
import { attributeList, attributeText } from "./attributes.ts";
import type { PlaylistTraits } from "./template.ts";

/** Gathers, line by line, what is said about a media playlist: in a generated multivariant one, and for its reloads. */
export class Traits implements PlaylistTraits {
  version: number | undefined;
  independentSegments = false;
  bandwidth: number | undefined;
  canBlock = false;
  /** EXT-X-MEDIA-SEQUENCE, which is 0 where it is left out (RFC 8216bis §4.4.3.2). */
  mediaSequence = 0;
  /** How many parts stand behind the last segment. */
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

  /** The URI line of a segment ends what its tags said of it. A byte range tells more than an announced rate. */
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
