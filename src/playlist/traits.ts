import type { PlaylistTraits } from "./template.ts";

/** Gathers, line by line, what a generated multivariant playlist says about a media playlist. */
export class Traits implements PlaylistTraits {
  version: number | undefined;
  independentSegments = false;
  bandwidth: number | undefined;
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
  }

  /** The URI line of a segment ends what its tags said of it. A byte range tells more than an announced rate. */
  segment(): void {
    const rate = this.#bytes > 0 && this.#duration > 0 ? (this.#bytes * 8) / this.#duration : this.#bitrate;
    if (rate > 0 && Number.isFinite(rate)) this.bandwidth = Math.max(this.bandwidth ?? 0, Math.ceil(rate));
    this.#duration = 0;
    this.#bytes = 0;
  }
}

function wholeNumber(value: number): number | undefined {
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
