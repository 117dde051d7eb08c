import { exposeControls } from "./page-controls.ts";

// The browser's own HLS needs only a URL. It does not report its requests, so they are counted at the server.
exposeControls({
  load(video, url) {
    video.src = url;
  },
});
