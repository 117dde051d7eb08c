/** As the demo page's `web/style/tokens.css`, with what a console needs beside: that all is well, and the colours of codes. */
export const tokens = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f3; --surface: #fff; --raised: #f1f0ec; --line: #e1dfd8; --line-strong: #8b8880;
  --ink: #191a1c; --quiet: #62605a;
  --accent: #9a5a00; --accent-fill: #d98b16; --accent-wash: #fbf1e0;
  --bad: #b3261e; --bad-wash: #fcefed; --well: #1d7044; --well-wash: #eaf4ee;
  --c0: #8b8880; --c1: #0068a8; --c2: #c2570c; --c3: #15806a; --c4: #a83a86; --c5: #8a7a00; --c6: #4b3fb0; --c7: #6e4a2f;
  --text: "Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Open Sans", sans-serif;
  --code: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
  --radius: 8px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131416; --surface: #1a1b1e; --raised: #222428; --line: #2e3035; --line-strong: #73767d;
    --ink: #eceae4; --quiet: #a2a097;
    --accent: #f0b254; --accent-fill: #f0b254; --accent-wash: #2b2417;
    --bad: #ff9a8f; --bad-wash: #2c1d1c; --well: #7fd0a0; --well-wash: #17261d;
    --c0: #8b8f98; --c1: #4ea8e6; --c2: #f28a3c; --c3: #3ec6a8; --c4: #e583c4; --c5: #d8c93e; --c6: #9d94f5; --c7: #b98e6c;
  }
}
`;
