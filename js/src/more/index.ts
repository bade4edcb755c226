// The panels that are fetched when one of them is first opened: what they need of the explorer comes with it.
import { Explain } from "./explain";
import { Layers } from "./layers";
import { Markers } from "./markers";
import marked from "./markers.css";
import { Measures } from "./measures";
import { Models } from "./models";
import more from "./more.css";
import { Why } from "./why";
import why from "./why.css";

export const panels = { Explain, Layers, Markers, Measures, Models, Why };
export const styles = more + marked + why;
