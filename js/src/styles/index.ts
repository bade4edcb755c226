// All styles of the explorer: the base first, then each panel's own.
import base from "../style.css";
import find from "./find.css";
import images from "./images.css";
import markers from "./markers.css";
import panels from "./panels.css";
import pieces from "./pieces.css";
import timeline from "./timeline.css";
import tools from "./tools.css";

export const styles = [base, find, timeline, tools, pieces, panels, images, markers].join("\n");
