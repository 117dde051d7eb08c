/** The page knows its own server only: it has neither a token nor the backend's credential. */
import Hls from "/hls.mjs";

const element = (id) => document.getElementById(id);
const [signInForm, playForm, video, status] = ["sign-in", "play", "video", "status"].map(element);
let hls;
let playing;

const words = {
  wrong_password: "Wrong name or password.",
  sign_in_required: "Sign in first.",
  stream_limit: "You already play on two devices. Stop one of them.",
  asset_unknown: "There is no such film.",
  country_forbidden: "This film is not available in your country.",
};

async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(words[answer.code] ?? `The film cannot be played now (${answer.code}).`);
  return answer;
}

/** Runs an action and shows its result, or why it failed. */
function on(target, event, action) {
  target.addEventListener(event, async (happened) => {
    happened.preventDefault();
    status.textContent = await action(happened).catch((error) => error.message);
  });
}

function unload() {
  hls?.destroy();
  hls = undefined;
  playing = undefined;
}

function showForms(isSignedIn) {
  signInForm.hidden = isSignedIn;
  playForm.hidden = !isSignedIn;
}

on(signInForm, "submit", async () => {
  await post("/sign-in", Object.fromEntries(new FormData(signInForm)));
  showForms(true);
  return "Signed in.";
});

on(playForm, "submit", async () => {
  const stream = await post("/play", Object.fromEntries(new FormData(playForm)));
  unload();
  playing = stream.sessionId;
  hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    if (fatal) status.textContent = `Playing stopped (${details}).`;
  });
  hls.loadSource(stream.manifestUrl);
  hls.attachMedia(video);
  await video.play();
  return "Playing.";
});

on(element("stop"), "click", async () => {
  if (playing !== undefined) await post("/stop", { sessionId: playing });
  unload();
  return "Stopped.";
});

on(element("sign-out"), "click", async () => {
  await post("/sign-out");
  unload();
  showForms(false);
  return "Signed out. All your streams have ended.";
});
