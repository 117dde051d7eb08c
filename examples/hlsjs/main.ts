import { showExample, videoIn } from "../shared/page.ts";
import { play } from "./play.ts";

showExample((stage, options) => play(videoIn(stage), options));
