// What the panels fetched later share with the explorer instead of bringing it along; build.mjs reads the names.
import * as signals from "@preact/signals";
import * as preact from "preact";
import * as hooks from "preact/hooks";
import * as runtime from "preact/jsx-runtime";
import * as grid from "./canvas/grid";
import * as lasso from "./canvas/lasso";
import * as asked from "./pieces/asked";
import * as bars from "./pieces/bars";
import * as form from "./pieces/form";
import * as lines from "./pieces/lines";
import * as pixels from "./pieces/pixels";
import * as size from "./pieces/size";
import * as scale from "./scale";
import * as words from "./words";

export const SHARED: Readonly<Record<string, object>> = {
  "@preact/signals": signals,
  preact: preact,
  "preact/hooks": hooks,
  "preact/jsx-runtime": runtime,
  "canvas/grid": grid,
  "canvas/lasso": lasso,
  "pieces/asked": asked,
  "pieces/bars": bars,
  "pieces/form": form,
  "pieces/lines": lines,
  "pieces/pixels": pixels,
  "pieces/size": size,
  scale: scale,
  words: words,
};
