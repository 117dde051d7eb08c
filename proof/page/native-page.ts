import { exposeControls } from "./page-controls.ts";

// The browser's own HLS: nothing but an address. It shows its requests to nobody, so they are counted at the server.
exposeControls({
  load(video, url) {
    video.src = url;
  },
});
