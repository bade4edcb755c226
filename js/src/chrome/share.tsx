// The menu that takes something away: the view as a text, the table of samples as a file.
import { useSignal } from "@preact/signals";
import { ShareIcon } from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { save } from "../pieces/save";
import { useUnique } from "../pieces/unique";
import { plural } from "../pieces/words";
import { linkOf } from "../state/link";
import { indicesOf } from "../state/selection";
import type { Store } from "../state/store";

export function Share({ store }: { store: Store }) {
  return (
    <Menu testid="share" name="Share the view, or save the table" on={false} icon={<ShareIcon />}>
      <ViewLink store={store} />
      <hr />
      <SaveTable store={store} />
    </Menu>
  );
}

function ViewLink({ store }: { store: Store }) {
  const id = useUnique();
  const link = linkOf(store, store.state());
  return (
    <div class="dvi-save">
      <label for={id}>This view as a text</label>
      <input
        id={id}
        type="text"
        readOnly
        data-testid="view-link"
        value={link}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button
        type="button"
        class="dvi-link"
        data-testid="copy-link"
        onClick={() => {
          void navigator.clipboard?.writeText(link);
        }}
      >
        Copy
      </button>
      <small>Explorer(…, view="…") opens it, and so does an exported page: page.html#…</small>
    </div>
  );
}

function SaveTable({ store }: { store: Store }) {
  const problem = useSignal("");
  const selected = store.selection.value.indices;
  const visible = store.visible.value;
  const samples =
    selected.length > 0
      ? selected
      : visible === null
        ? Uint32Array.from({ length: store.hello.n }, (_, i) => i)
        : indicesOf(visible);
  const what = selected.length > 0 ? "selected sample" : "sample";
  const side = store.side.value;
  const saveParquet = async (): Promise<void> => {
    problem.value = "";
    try {
      const { file } = await store.ask("parquet", {
        landscape: side.index,
        epoch: side.epoch(store.playhead.resting.peek()),
        indices: Array.from(samples),
        tags: Object.fromEntries(
          Array.from(store.selections.peek(), ([name, of]) => [name, [...of]]),
        ),
      });
      save(new Blob([file.data as Uint8Array<ArrayBuffer>]), "samples.parquet");
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <div class="dvi-save">
      <span>Save {plural(samples.length, what, `${what}s`)} as a table</span>
      <button
        type="button"
        class="dvi-link"
        data-testid="save-table"
        onClick={() =>
          save(new Blob([tableOf(store, samples)], { type: "text/csv" }), "samples.csv")
        }
      >
        CSV
      </button>
      {side.info.services.includes("table") ? (
        <button
          type="button"
          class="dvi-link"
          data-testid="save-parquet"
          onClick={() => void saveParquet()}
        >
          Parquet
        </button>
      ) : (
        <small>Parquet takes a kernel: an exported page has none.</small>
      )}
      {problem.value && (
        <small role="alert" data-testid="save-problem">
          {problem.value}
        </small>
      )}
    </div>
  );
}

/** The samples at the epoch shown, with the columns of `explorer.table()` that the page knows. */
function tableOf(store: Store, samples: Uint32Array): string {
  const { groups } = store.hello;
  const tags = [...store.selections.value].map(([name, of]) => ({ name, of: new Set(of) }));
  const position = store.playhead.resting.value;
  const head = ["index", "split", "label", "prediction", "confidence", ...groups.keys(), "tags"];
  const rows = Array.from(samples, (index) => {
    const { split, label, prediction, confidence } = store.sample(index, position);
    return [
      String(index),
      split,
      label === null ? "" : store.className(label),
      prediction === null ? "" : store.className(prediction),
      confidence?.toFixed(4) ?? "",
      ...[...groups.values()].map((members) => (members[index] === 1 ? "True" : "False")),
      tags.flatMap(({ name, of }) => (of.has(index) ? [name] : [])).join("; "),
    ];
  });
  return [head, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

/** A cell of a CSV file. A text that a spreadsheet would take for a formula is marked as text. */
function quoted(cell: string): string {
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
