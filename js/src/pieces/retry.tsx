// The button beside an error that asks again; none where nobody is left to ask.
import { LOST } from "../protocol/wire";

interface RetryProperties {
  error: string;
  retry: (() => void) | undefined;
}

export function Retry({ error, retry }: RetryProperties) {
  return error === LOST ? null : (
    <button type="button" onClick={retry}>
      Try again
    </button>
  );
}
