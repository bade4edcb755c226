// Numbers and rates in words, the same in all panels.

const integer = new Intl.NumberFormat("en-US");

export function count(value: number): string {
  return withMinus(integer.format(value));
}

export function plural(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const few = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const three = new Intl.NumberFormat("en-US", {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});

/** Any number in three digits; a dash where there is none. */
export function number(value: number): string {
  return written(value, few);
}

/** A number in a column of others: it keeps the zeros at its end. */
export function measured(value: number): string {
  return written(value, three);
}

function written(value: number, format: Intl.NumberFormat): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) {
    return "–";
  }
  return withMinus(
    size > 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(1) : format.format(value),
  );
}

/** Write a minus, not a hyphen. */
function withMinus(digits: string): string {
  return digits.replaceAll("-", "−");
}

/** A rate in percent; less than all is never rounded up to all. */
export function percent(rate: number): string {
  const rounded = Math.round(rate * 1000) / 10;
  return withMinus(`${(rounded >= 100 && rate < 1 ? 99.9 : rounded).toFixed(1)}%`);
}
