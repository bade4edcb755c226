// What the parts fetched later share with the explorer instead of bringing it along; build.mjs reads the names.
// Of the libraries only what is used: more would be in everybody's bundle.
import {
  batch,
  computed,
  effect,
  signal,
  useComputed,
  useSignal,
  useSignalEffect,
} from "@preact/signals";
import { Fragment, h } from "preact";
import { useId, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import * as grid from "./canvas/grid";
import * as idle from "./canvas/idle";
import * as lasso from "./canvas/lasso";
import * as painter from "./canvas/painter";
import * as viewport from "./canvas/viewport";
import * as source from "./data/source";
import * as palette from "./palette";
import * as card from "./panels/card";
import * as icons from "./panels/icons";
import * as legend from "./panels/legend";
import * as menu from "./panels/menu";
import * as show from "./panels/show";
import * as swatch from "./panels/swatch";
import * as asked from "./pieces/asked";
import * as pixels from "./pieces/pixels";
import * as size from "./pieces/size";
import * as tool from "./pieces/tool";
import * as scale from "./scale";
import * as selection from "./selection";
import * as words from "./words";

const signals = { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect };
const preact = { Fragment, h };
const hooks = { useId, useLayoutEffect, useMemo, useRef };

export const SHARED: Readonly<Record<string, object>> = {
  "@preact/signals": signals,
  preact: preact,
  "preact/hooks": hooks,
  "canvas/grid": grid,
  "canvas/idle": idle,
  "canvas/lasso": lasso,
  "canvas/painter": painter,
  "canvas/viewport": viewport,
  "data/source": source,
  palette: palette,
  "panels/card": card,
  "panels/icons": icons,
  "panels/legend": legend,
  "panels/menu": menu,
  "panels/show": show,
  "panels/swatch": swatch,
  "pieces/asked": asked,
  "pieces/pixels": pixels,
  "pieces/size": size,
  "pieces/tool": tool,
  scale: scale,
  selection: selection,
  words: words,
};
