// What to expect of a kernel that has not answered for a while: it may be busy with a cell.

/** Invisible at first; see the style of its class. */
export const Patience = () => (
  <small class="dvi-patience">A notebook answers when the running cell is done.</small>
);
