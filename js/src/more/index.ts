// The panels that are fetched when one of them is first opened: what they need of the explorer comes with it.
import { Explain } from "./explain";
import { Layers } from "./layers";
import { Models } from "./models";
import more from "./more.css";

export const panels = { Explain, Layers, Models };
export const styles = more;
