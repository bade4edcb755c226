// The panels that are fetched when one of them is first opened: what they need of the explorer comes with it.
import { Explain } from "./explain";
import { Layers } from "./layers";
import { Markers } from "./markers";
import marked from "./markers.css";
import { Measures } from "./measures";
import { Models } from "./models";
import more from "./more.css";

export const panels = { Explain, Layers, Markers, Measures, Models };
export const styles = more + marked;
