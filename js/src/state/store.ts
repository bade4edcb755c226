// The state of one explorer: panels read it and write to it, and keep none of their own.
import {
  batch,
  computed,
  effect,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from "@preact/signals";
import { Answers } from "../protocol/answers";
import {
  CERTAINTY,
  type Frame,
  type Hello,
  type LandscapeInfo,
  type Source,
  type Territory,
} from "../protocol/source";
import { Thumbnails } from "../protocol/thumbnails";
import type { EpochWindow } from "../protocol/window";
import type { Ask } from "../protocol/wire";
import { lighten, parseHex, type Rgb, type Theme } from "./colors";
import { type Filter, startFilter } from "./filter";
import { History } from "./history";
import { Playhead } from "./playhead";
import {
  type Combine,
  combine,
  combineMasks,
  fromText,
  indicesOf,
  type Selection,
  selectionOf,
  selectionOfMask,
  toText,
} from "./selection";
import { epochsOf, Side } from "./sides";
import { createView, readView, type View, type ViewState, viewState } from "./view";

/** What colours stand for besides the columns of a landscape. */
export const COLOR_BY: readonly string[] = ["label", "prediction", "correctness"];

export type Tool = "pan" | "lasso" | "marker";

/** The state that the host stores and shares: the traits of the widget, or the state of an exported page. */
export interface SharedState {
  /** A recorded number. */
  epoch: number;
  /** As `toText` of the selection writes it, and so are the named ones. */
  selection: string;
  hovered: number | null;
  color_by: string;
  size_by: string;
  filter: string;
  /** Named selections. */
  selections: Readonly<Record<string, string>>;
  _view: ViewState;
}

/** A hovered sample; `from` decides where its card appears. */
export interface Hovered {
  index: number;
  from: "canvas" | "panel" | "host";
  /** The side on whose canvas it is hovered. */
  side: number | null;
}

/** A picture that somebody brought, as it is sent to the kernel. */
export interface Guest {
  number: number;
  name: string;
  height: number;
  width: number;
  /** RGB by rows, in base64. */
  pixels: string;
}

/** Pictures up to this size are fetched as they are; larger ones are fetched small for the grid. */
const NATIVE_SIZE = 64;
/** The settings that undo brings back: what changes the picture, but not where one looks or how time runs. */
const UNDONE = [
  ...(["palette", "overlay", "delta", "points", "names", "trails", "neighbors", "keep"] as const),
  ...(["order", "descending", "markers", "path"] as const),
] as const;

export class Store {
  readonly hello: Hello;
  /** One landscape or two over the same samples. */
  readonly sides: readonly Side[];
  private readonly recorded: Signal<readonly number[]>;
  /** Index of the landscape that the panels speak of: the last one pressed, focused or chosen, not the one hovered. */
  readonly active: Signal<number>;
  readonly side: ReadonlySignal<Side>;
  /** Ask the kernel, or the exported page. */
  readonly ask: Ask;
  /** Ask once for several panels; answers are kept for a while. */
  readonly answers: Answers;
  readonly view: View;
  /** One per class, fitted to the theme. */
  readonly colors: ReadonlySignal<readonly Rgb[]>;
  /** The palette's own colours, fitted to the theme: those of categories. */
  readonly palette: ReadonlySignal<readonly Rgb[]>;
  /** The number of samples with each label, and with none. */
  readonly labelCounts: Uint32Array;
  readonly unlabelled: number;
  /** The number of test samples, and of those with a label. */
  readonly tests: number;
  readonly labelledTests: number;
  /** Small pictures for lists, and pictures in full size; one and the same where they are small. */
  readonly thumbnails: Thumbnails;
  readonly pictures: Thumbnails;
  readonly playhead: Playhead;
  readonly epoch: ReadonlySignal<number>;
  readonly selection: Signal<Selection>;
  /** Where the pointer or the focus acted last: the id of a panel, or "". */
  acting = "";
  /** Where the selection was made. */
  readonly selectedIn: Signal<string> = signal("");
  readonly hovered: Signal<Hovered | null>;
  /** The sample whose card stays while nothing is hovered. */
  readonly pinned: Signal<number | null> = signal(null);
  /** The sample with a card: the hovered one, else the pinned one. */
  readonly raised: ReadonlySignal<number | null>;
  /** The landscape on which that card appears. */
  readonly raisedOn: ReadonlySignal<Side>;
  /** The location on a landscape that is decoded in a card, in units of positions. */
  readonly place: Signal<{ side: number; x: number; y: number } | null> = signal(null);
  /** Pictures that somebody brought, to see where they fall; they last as long as the page. */
  readonly guests: Signal<readonly Guest[]> = signal([]);
  readonly colorBy: Signal<string>;
  /** The name of a column; "" for one size. */
  readonly sizeBy: Signal<string>;
  /** The text of the filter. */
  readonly filter: Signal<string>;
  readonly filtering: Filter;
  /** Selections, filters and views that one can go back to. */
  readonly history = new History();
  /** Samples that a legend's entry raises while it is pointed at: 1 for each; null for none. */
  readonly pointedAt: Signal<Uint8Array | null> = signal(null);
  /** Selections saved under a name. */
  readonly selections: Signal<ReadonlyMap<string, readonly number[]>>;
  readonly tool: Signal<Tool> = signal("pan");
  readonly combine: Signal<Combine> = signal("replace");
  readonly theme: Signal<Theme>;
  /** Whether the system asks for no motion that is not needed. */
  readonly reducedMotion: ReadonlySignal<boolean>;

  constructor(
    source: Source,
    hello: Hello,
    state: SharedState,
    environment: { theme: Signal<Theme>; reducedMotion: ReadonlySignal<boolean> },
  ) {
    this.hello = hello;
    this.ask = source.ask;
    this.answers = new Answers(source.ask);
    const epochs = epochsOf(hello.landscapes);
    this.recorded = signal(epochs);
    this.sides = hello.landscapes.map(
      (info, i, all) => new Side(source, hello, i, info, epochs, 1 / all.length),
    );
    this.view = createView(state._view);
    this.active = this.view.side;
    this.side = computed(() => this.sides[this.active.value] ?? (this.sides[0] as Side));
    this.labelCounts = new Uint32Array(hello.classes.length);
    let unlabelled = 0;
    for (const label of hello.labels) {
      if (label < 0) {
        unlabelled++;
      } else {
        this.labelCounts[label] = (this.labelCounts[label] as number) + 1;
      }
    }
    this.unlabelled = unlabelled;
    this.tests = hello.split.reduce((sum, test) => sum + test, 0);
    this.labelledTests = hello.split.reduce(
      (sum, test, i) => sum + (test === 1 && (hello.labels[i] as number) >= 0 ? 1 : 0),
      0,
    );
    this.theme = environment.theme;
    this.reducedMotion = environment.reducedMotion;
    const fitted = (of: Readonly<Record<string, string[]>>): ReadonlySignal<readonly Rgb[]> =>
      computed(() => {
        const colors = (of[this.view.palette.value] ?? Object.values(of)[0] ?? []).map(parseHex);
        return this.theme.value.dark ? colors.map(lighten) : colors;
      });
    this.colors = fitted(hello.colors);
    this.palette = fitted(hello.palettes);
    const { images } = hello;
    const small = images === null || Math.max(images.height, images.width) <= NATIVE_SIZE;
    this.thumbnails = new Thumbnails(source, small ? null : NATIVE_SIZE);
    this.pictures = small ? this.thumbnails : new Thumbnails(source, null);
    this.playhead = new Playhead(
      epochs.length,
      Math.max(0, epochs.indexOf(state.epoch)),
      this.sides.flatMap(({ frames, territories }) => [frames, territories]),
      this.sides.map(({ frames }) => frames),
      this.reducedMotion,
      this.view,
    );
    this.epoch = computed(() => this.epochs[this.playhead.position.value] as number);
    this.selection = signal(selectionOfMask(fromText(state.selection, hello.n)));
    this.hovered = signal(
      state.hovered === null ? null : { index: state.hovered, from: "host" as const, side: null },
    );
    this.raised = computed(() => this.hovered.value?.index ?? this.pinned.value);
    this.raisedOn = computed(
      () => this.sides[this.hovered.value?.side ?? this.active.value] ?? this.side.value,
    );
    this.colorBy = signal(this.readColorBy(state.color_by));
    this.sizeBy = signal(this.readSizeBy(state.size_by));
    this.filter = signal(state.filter);
    this.filtering = startFilter({
      hello,
      text: this.filter,
      epochs: this.recorded,
      resting: this.playhead.resting,
      // A filter speaks of the first landscape.
      frames: (this.sides[0] as Side).frames,
    });
    this.selections = signal(readSelections(state.selections, hello.n));
    this.remember();
  }

  /** The recorded numbers of all landscapes, ascending; positions in time count in this list. */
  get epochs(): readonly number[] {
    return this.recorded.value;
  }

  /** Take over the epochs that a training recorded meanwhile. */
  grow({ n, landscapes }: Hello): void {
    const epochs = epochsOf(landscapes);
    const before = this.recorded.peek();
    const same = n === this.hello.n && landscapes.length === this.sides.length;
    if (!same || before.some((epoch, i) => epoch !== epochs[i])) {
      return;
    }
    batch(() => {
      for (const [i, info] of landscapes.entries()) {
        this.sides[i]?.grow(info, epochs);
      }
      this.recorded.value = epochs;
      this.answers.forget();
      this.playhead.grow(epochs.length);
    });
  }

  private readColorBy(value: string): string {
    const known =
      COLOR_BY.includes(value) || this.sides.some((side) => side.column(value) !== null);
    return known ? value : "label";
  }

  private readSizeBy(value: string): string {
    return this.sides.some((side) => side.column(value) !== null) ? value : "";
  }

  /** What undo brings back. */
  private remember(): void {
    for (const part of [this.selection, this.filter, this.colorBy, this.sizeBy, this.selections]) {
      this.history.add({
        read: () => part.value,
        write: (value) => {
          part.value = value;
        },
      });
    }
    this.history.add({
      read: () => JSON.stringify(UNDONE.map((name) => [name, this.view[name].value])),
      write: (text) => readView(this.view, Object.fromEntries(JSON.parse(text))),
    });
  }

  get landscape(): LandscapeInfo {
    return this.side.value.info;
  }

  get frames(): EpochWindow<Frame> {
    return this.side.value.frames;
  }

  get territories(): EpochWindow<Territory> {
    return this.side.value.territories;
  }

  /** 1 for each sample that fits the filter; null while all do. */
  get visible(): ReadonlySignal<Uint8Array | null> {
    return this.filtering.visible;
  }

  /** Select samples: instead of, in addition to or out of those selected now. */
  select(picked: Iterable<number>, how: Combine = this.combine.peek()): void {
    this.take(combine(this.selection.peek(), picked, how));
  }

  /** Select by a byte per sample, 1 where picked. */
  selectMask(picked: Uint8Array, how: Combine = this.combine.peek()): void {
    this.take(combineMasks(this.selection.peek(), picked, how));
  }

  /** Select every sample that passes a test. */
  selectWhere(picks: (index: number) => boolean, how: Combine = this.combine.peek()): void {
    const mask = new Uint8Array(this.hello.n);
    for (let i = 0; i < mask.length; i++) {
      mask[i] = picks(i) ? 1 : 0;
    }
    this.selectMask(mask, how);
  }

  /** A selection without the pinned sample unpins it. */
  private take(selection: Selection): void {
    const pinned = this.pinned.peek();
    batch(() => {
      this.selection.value = selection;
      this.selectedIn.value = this.acting;
      if (pinned !== null && selection.mask[pinned] !== 1) {
        this.pinned.value = null;
      }
    });
  }

  /** Show the pictures of the samples that a filter finds, instead of those selected. */
  find(filter: string): void {
    batch(() => {
      this.clear();
      this.filter.value = filter;
      this.view.panel.value = "images";
    });
  }

  clear(): void {
    batch(() => {
      this.pinned.value = null;
      if (this.selection.peek().indices.length > 0) {
        this.selection.value = selectionOf([], this.hello.n);
      }
    });
  }

  hover(
    index: number | null,
    from: Hovered["from"] = "canvas",
    side: Hovered["side"] = null,
  ): void {
    const before = this.hovered.peek();
    const same = before?.from === from && before.side === side;
    if ((before?.index ?? null) !== index || (index !== null && !same)) {
      this.hovered.value = index === null ? null : { index, from, side };
    }
  }

  pin(index: number | null): void {
    this.pinned.value = index;
  }

  /** Take over the host's state; equal values change nothing. */
  receive(state: Partial<SharedState>): void {
    batch(() => {
      if (state.epoch !== undefined && state.epoch !== this.epoch.peek()) {
        const position = this.epochs.indexOf(state.epoch);
        if (position >= 0) {
          this.playhead.seek(position);
        }
      }
      if (state.selection !== undefined && state.selection !== toText(this.selection.peek().mask)) {
        this.acting = "";
        this.take(selectionOfMask(fromText(state.selection, this.hello.n)));
      }
      if (state.hovered !== undefined) {
        const known = state.hovered === null || this.hello.labels[state.hovered] !== undefined;
        if (known && (this.hovered.peek()?.index ?? null) !== state.hovered) {
          this.hover(state.hovered, "host");
        }
      }
      if (state.color_by !== undefined) {
        this.colorBy.value = this.readColorBy(state.color_by);
      }
      if (state.size_by !== undefined) {
        this.sizeBy.value = this.readSizeBy(state.size_by);
      }
      if (state.filter !== undefined) {
        this.filter.value = state.filter;
      }
      if (state.selections !== undefined) {
        this.selections.value = readSelections(state.selections, this.hello.n);
      }
      if (state._view !== undefined) {
        readView(this.view, state._view);
      }
    });
  }

  /** The state as the host keeps it. */
  state(): SharedState {
    return {
      epoch: this.epoch.value,
      selection: toText(this.selection.value.mask),
      hovered: this.hovered.value?.index ?? null,
      color_by: this.colorBy.value,
      size_by: this.sizeBy.value,
      filter: this.filter.value,
      selections: writeSelections(this.selections.value, this.hello.n),
      _view: viewState(this.view),
    };
  }

  /** Tell the host of every change, one name at a time, but not of the initial values. */
  share(tell: <K extends keyof SharedState>(name: K, value: SharedState[K]) => void): () => void {
    const follow = <K extends keyof SharedState>(
      name: K,
      read: () => SharedState[K],
    ): (() => void) => {
      let first = true;
      return effect(() => {
        const value = read();
        if (!first) {
          untracked(() => tell(name, value));
        }
        first = false;
      });
    };
    const stops = [
      follow("epoch", () => this.epoch.value),
      follow("selection", () => toText(this.selection.value.mask)),
      follow("hovered", () => this.hovered.value?.index ?? null),
      follow("color_by", () => this.colorBy.value),
      follow("size_by", () => this.sizeBy.value),
      follow("filter", () => this.filter.value),
      follow("selections", () => writeSelections(this.selections.value, this.hello.n)),
      follow("_view", () => viewState(this.view)),
    ];
    return () => {
      for (const stop of stops) {
        stop();
      }
    };
  }

  /** The name of a class; null stands for a sample without a label. */
  className(index: number | null): string {
    // A name that cannot be seen is none.
    return index === null ? "none" : this.hello.classes[index]?.trim() || `class ${index}`;
  }

  /** A sample on a landscape at a position, as far as its epoch has arrived. */
  sample(index: number, position: number, side = this.side.value): Sample {
    const frame = side.frames.get(position);
    const label = this.hello.labels[index] as number;
    return {
      index,
      split: this.hello.split[index] === 1 ? "test" : "train",
      label: label < 0 ? null : label,
      prediction: frame === undefined ? null : (frame.predictions[index] as number),
      confidence: frame === undefined ? null : (frame.confidence[index] as number) / CERTAINTY,
    };
  }

  close(): void {
    this.filtering.stop();
    this.history.close();
    this.playhead.close();
    for (const side of this.sides) {
      side.close();
    }
    this.thumbnails.close();
    this.pictures.close();
  }
}

export interface Sample {
  index: number;
  split: "train" | "test";
  label: number | null;
  prediction: number | null;
  confidence: number | null;
}

function readSelections(
  texts: SharedState["selections"],
  n: number,
): ReadonlyMap<string, readonly number[]> {
  return new Map(
    Object.entries(texts).map(([name, text]) => [name, Array.from(indicesOf(fromText(text, n)))]),
  );
}

function writeSelections(
  selections: ReadonlyMap<string, readonly number[]>,
  n: number,
): SharedState["selections"] {
  return Object.fromEntries(
    [...selections].map(([name, indices]) => [name, toText(selectionOf(indices, n).mask)]),
  );
}
