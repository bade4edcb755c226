// All styles of the explorer: the base first, then each panel's own.

import base from "../chrome/explorer.css";
import panels from "../chrome/panels.css";
import saved from "../chrome/saved.css";
import timeline from "../chrome/timeline.css";
import tools from "../chrome/tools.css";
import markers from "../on_map/markers.css";
import place from "../on_map/place.css";
import matrix from "../panels/confusion/matrix.css";
import images from "../panels/images/images.css";
import lists from "../panels/lists/lists.css";
import markedPanel from "../panels/markers/markers.css";
import more from "../panels/models/models.css";
import sample from "../panels/sample/sample.css";
import why from "../panels/why/why.css";
import pieces from "../pieces/pieces.css";
import findField from "../query/field/find.css";
import find from "../query/field/find_line.css";

export const styles = [
  ...[base, find, timeline, tools, pieces, panels, images, markers],
  ...[more, findField, lists, markedPanel, matrix, place, sample, saved, why],
].join("\n");
