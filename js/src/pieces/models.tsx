// What all panels about models share: their epoch, their inspection, and the choice among several.
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { ModelOutline } from "../protocol/requests";
import type { Answer } from "../protocol/wire";
import type { Store } from "../state/store";
import { Problem, useReply } from "./asked";

export type Inspection = Answer<"inspect">;

/** The epoch to ask a model about: the recorded network changes with it, the user's own models do not. */
export function epochOf(store: Store, { recorded }: Pick<ModelOutline, "recorded">): number {
  return store.epochs[recorded ? store.playhead.resting.value : 0] as number;
}

/** The choice among several models, by index. */
export function ModelChoice({ store, chosen }: { store: Store; chosen: Signal<number> }) {
  const { models } = store.hello;
  return models.length < 2 ? null : (
    <label>
      <span>model</span>
      <select
        value={String(chosen.value)}
        onChange={({ currentTarget }) => {
          chosen.value = currentTarget.selectedIndex;
        }}
      >
        {models.map(({ name }, i) => (
          <option key={name} value={String(i)}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface InspectedProperties {
  store: Store;
  children: (inspections: Inspection[]) => ComponentChildren;
}

/** Content that needs the layers of all models, and the methods they support. */
export function Inspected({ store, children }: InspectedProperties) {
  const { models } = store.hello;
  const replies = models.map((_, model) =>
    useReply(store, "inspect", { model, epoch: epochOf(store, { recorded: false }) }),
  );
  const failed = replies.find(({ error }) => error !== undefined);
  if (models.length === 0) {
    return (
      <p class="dvi-empty">
        No model was passed.
        <small>
          Pass models={"{…}"} to the Explorer, or the recorded architecture: Run(folder, model=…).
        </small>
      </p>
    );
  }
  if (failed?.error !== undefined) {
    return <Problem error={failed.error} retry={failed.retry} />;
  }
  const inspections = replies.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  return inspections.length < models.length ? (
    <p class="dvi-asked dvi-waiting" role="status">
      Inspecting the models …
    </p>
  ) : (
    children(inspections)
  );
}
