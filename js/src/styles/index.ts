// All styles of the explorer: the base first, then each panel's own.
import findField from "../more/find.css";
import lists from "../more/lists.css";
import markedPanel from "../more/markers.css";
import more from "../more/more.css";
import why from "../more/why.css";
import base from "../style.css";
import find from "./find.css";
import images from "./images.css";
import markers from "./markers.css";
import matrix from "./matrix.css";
import panels from "./panels.css";
import pieces from "./pieces.css";
import place from "./place.css";
import sample from "./sample.css";
import saved from "./saved.css";
import timeline from "./timeline.css";
import tools from "./tools.css";

export const styles = [
  ...[base, find, timeline, tools, pieces, panels, images, markers],
  ...[more, findField, lists, markedPanel, matrix, place, sample, saved, why],
].join("\n");
