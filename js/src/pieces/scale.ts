// A linear scale and its inverse.

export interface Scale {
  (value: number): number;
  invert(output: number): number;
}

export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const slope = (range[1] - range[0]) / (domain[1] - domain[0] || 1);
  const scale = (value: number): number => range[0] + (value - domain[0]) * slope;
  return Object.assign(scale, {
    invert: (output: number) => domain[0] + (output - range[0]) / (slope || 1),
  });
}
