// All styles of the explorer: the base first, then each panel's own.
import base from "../style.css";

export const styles = [base].join("\n");
