// All styles of the explorer: the base first, then each panel's own.
import base from "../style.css";
import images from "./images.css";
import markers from "./markers.css";
import matrix from "./matrix.css";
import panels from "./panels.css";
import pieces from "./pieces.css";
import sample from "./sample.css";
import timeline from "./timeline.css";

export const styles = [base, timeline, pieces, panels, images, sample, matrix, markers].join("\n");
