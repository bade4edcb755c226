// The landscape in three dimensions: plotly's own figure, in a frame of its own, with plotly from the kernel.
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Problem, useReply } from "../../pieces/asked";
import type { Store } from "../../state/store";

/** The document of the frame: it is told plotly's script once, then a figure for each epoch, and tells what is clicked. */
const PAGE = `<!doctype html>
<style>html, body, #plot { height: 100%; margin: 0; overflow: hidden }</style>
<div id="plot"></div>
<script>
addEventListener("message", async ({ data: { script, figure } }) => {
  const plot = document.getElementById("plot");
  if (script !== undefined) {
    document.head.append(Object.assign(document.createElement("script"), { textContent: script }));
  }
  if (figure !== undefined) {
    const { data, layout } = JSON.parse(figure);
    await Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true });
    plot.removeAllListeners("plotly_click");
    plot.on("plotly_click", ({ points: [point] }) => {
      parent.postMessage({ sample: point.customdata[0] }, "*");
    });
  }
});
</script>`;

const NOTHING = {};

export function Solid({ store }: { store: Store }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const loaded = useRef<Promise<unknown> | null>(null);
  const epoch = store.epochs[store.playhead.resting.value] as number;
  const args = useMemo(() => ({ epoch }), [epoch]);
  const plotly = useReply(store, "plotly", NOTHING);
  const drawn = useReply(store, "solid", args);
  const script = plotly.answer?.script.data;
  const figure = drawn.answer?.figure;
  // Neither reaches the frame before its document is there.
  const tell = (message: Record<string, string>): void => {
    loaded.current?.then(() => frame.current?.contentWindow?.postMessage(message, "*"));
  };
  useLayoutEffect(() => {
    const box = frame.current;
    loaded.current = new Promise((resolve) => box?.addEventListener("load", resolve));
    const hear = ({ source, data }: MessageEvent): void => {
      const sample: unknown = data?.sample;
      if (source === box?.contentWindow && Number.isInteger(sample)) {
        store.select([sample as number], "replace");
      }
    };
    window.addEventListener("message", hear);
    return () => window.removeEventListener("message", hear);
  }, [store]);
  useLayoutEffect(() => {
    if (script !== undefined) {
      tell({ script: new TextDecoder().decode(script) });
    }
  }, [script]);
  useLayoutEffect(() => {
    if (script !== undefined && figure !== undefined) {
      tell({ figure });
    }
  }, [script, figure]);
  const { error, retry } = plotly.error === undefined ? drawn : plotly;
  return (
    <div class="dvi-solid" data-testid="solid">
      {error !== undefined && <Problem error={error} retry={retry} />}
      {/* Scripts of plotly alone, which reach nothing outside. */}
      <iframe
        ref={frame}
        title="The landscape in three dimensions"
        sandbox="allow-scripts"
        srcdoc={PAGE}
      />
    </div>
  );
}
