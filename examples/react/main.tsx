import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { showExample } from "../shared/page.ts";
import { Player } from "./player.tsx";

showExample(async (stage, options) => {
  const root = createRoot(stage);
  root.render(
    <StrictMode>
      <Player {...options} />
    </StrictMode>,
  );
  return () => root.unmount();
});
