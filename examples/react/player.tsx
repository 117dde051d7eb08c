import { type RefObject, useEffect, useEffectEvent, useRef } from "react";
import { play } from "../hlsjs/play.ts";
import type { Refusal } from "../shared/refusals.ts";
import { Refused, type StartOptions } from "../shared/stream.ts";

interface PlayerProps extends StartOptions {
  readonly onStop: (refusal: Refusal | undefined) => void;
}

export function Player(props: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  useStream(video, props);
  return <video ref={video} controls autoPlay playsInline />;
}

/** Plays a stream while the component is mounted, and another one when the asset changes. */
function useStream(
  video: RefObject<HTMLVideoElement | null>,
  { api, asset, takeover = false, ...latest }: PlayerProps,
) {
  const token = useEffectEvent(latest.token);
  const onStop = useEffectEvent(latest.onStop);
  useEffect(() => {
    let stop: (() => void) | undefined;
    let unmounted = false;
    async function start() {
      // Strict mode mounts twice at once. Each start counts, so the first mount waits, and sees that it is over.
      await Promise.resolve();
      if (unmounted || video.current === null) return;
      stop = await play(video.current, {
        ...{ api, asset, takeover },
        token: () => token(),
        onStop: (refusal) => {
          if (!unmounted) onStop(refusal);
        },
      });
      if (unmounted) stop();
    }
    start().catch((error) => {
      if (!unmounted) onStop(error instanceof Refused ? error.refusal : undefined);
    });
    return () => {
      unmounted = true;
      stop?.();
    };
  }, [video, api, asset, takeover]);
}
