// What is fetched when it is first needed: what it needs of the explorer comes with it.
import { startFollowing } from "../canvas/following";
import { Follow } from "../panels/follow";
import { Matrix } from "../panels/matrix";
import { Place } from "../panels/place";
import { Sample } from "../panels/sample";
import { savePicture } from "../panels/still";
import matrix from "../styles/matrix.css";
import place from "../styles/place.css";
import sample from "../styles/sample.css";
import saved from "../styles/saved.css";
import { Explain } from "./explain";
import { Find } from "./find";
import find from "./find.css";
import { Layers } from "./layers";
import { Lists } from "./lists";
import lists from "./lists.css";
import { Markers } from "./markers";
import marked from "./markers.css";
import { Measures } from "./measures";
import { Models } from "./models";
import more from "./more.css";
import { Saved } from "./saved";
import { Why } from "./why";
import why from "./why.css";

export const parts = {
  Explain,
  Find,
  Follow,
  Layers,
  Lists,
  Markers,
  Matrix,
  Measures,
  Models,
  Place,
  Sample,
  Saved,
  Why,
};
export const styles = [more, find, lists, marked, matrix, place, sample, saved, why].join("\n");
export { savePicture, startFollowing };
