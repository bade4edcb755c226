// All styles of the explorer: the base first, then each panel's own.
import base from "../style.css";
import timeline from "./timeline.css";

export const styles = [base, timeline].join("\n");
