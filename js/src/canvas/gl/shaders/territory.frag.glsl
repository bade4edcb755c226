// The landscape under the points: pale territories of classes, their borders, and the δ-boundary.
in vec2 at;
in vec2 before;
in vec2 pixel;
uniform float blend;
uniform float arrival;
uniform sampler2D palette;
uniform highp usampler2D territoryA;
uniform highp usampler2D territoryB;
uniform sampler2D shadeA;
uniform sampler2D shadeB;
uniform sampler2D snapshot;
uniform vec3 background;
uniform vec2 strength;
uniform float margin;
uniform int overlay;
uniform sampler2D fieldA;
uniform sampler2D fieldB;
uniform vec3 ink;
uniform float ratio;
out vec4 fragment;

const uint UNPAINTED = 0xfffeu;

const int CONFIDENCE = 1;
const int TRUST = 2;
const int DENSITY = 3;

vec3 paint(uint c, float shade) {
  if (c >= UNPAINTED) {
    return background;
  }
  vec3 color = texelFetch(palette, ivec2(c & 255u, c >> 8), 0).rgb;
  if (overlay == CONFIDENCE) {
    // In steps, so that equal colours are equally sure.
    float level = shade * 10.;
    float edge = max(fwidth(level), 1e-4);
    shade = (floor(level) + smoothstep(1. - edge, 1., fract(level))) / 10.;
    return mix(background, color, .04 + .86 * shade * shade);
  }
  return mix(background, color, mix(strength.x, strength.y, shade));
}

vec3 overlaid(vec3 color, vec2 place) {
  float value = mix(texture(fieldA, place).r, texture(fieldB, place).r, blend);
  if (overlay == TRUST) {
    // Land that nobody has seen is drawn as on old maps: faint, and hatched the more, the less is known.
    float stripe = abs(fract((pixel.x + pixel.y) / (7. * ratio)) * 2. - 1.);
    float soft = 2. / (7. * ratio);
    float width = .1 + .26 * value;
    float line = smoothstep(1. - width - soft, 1. - width + soft, stripe);
    float fog = smoothstep(.1, .4, value);
    return mix(mix(color, background, .65 * fog), ink, .38 * line * fog);
  }
  float level = value * 6.;
  float edge = max(fwidth(level), 1e-4);
  float line = 1. - smoothstep(.4 * ratio, 1.2 * ratio, abs(fract(level + .5) - .5) / edge);
  return mix(color, ink, .05 * floor(level) + .3 * line * step(.5, level));
}

// Of the nine cells around, weighed by a quadratic B-spline, the class with most weight wins: borders are smooth and
// stay sharp at any zoom. Away from borders, which a cell's second number knows, one look is enough.
vec3 land(vec2 place, highp usampler2D territory, sampler2D shades) {
  ivec2 size = textureSize(territory, 0);
  vec2 p = place * vec2(size);
  float pixel = max(fwidth(p.x), fwidth(p.y));
  ivec2 i = clamp(ivec2(p), ivec2(0), size - 1);
  uvec2 middle = texelFetch(territory, i, 0).rg;
  float shade = texture(shades, place).r;
  if (middle.g == 0u) {
    return paint(middle.r, shade);
  }
  vec2 f = p - vec2(i) - .5;
  vec2 side[3] = vec2[3](.5 * (.5 - f) * (.5 - f), .75 - f * f, .5 * (.5 + f) * (.5 + f));
  uint cell[9];
  float weight[9];
  for (int k = 0; k < 9; k++) {
    ivec2 corner = ivec2(k % 3, k / 3);
    cell[k] = texelFetch(territory, clamp(i + corner - 1, ivec2(0), size - 1), 0).r;
    weight[k] = side[corner.x].x * side[corner.y].y;
  }
  uint first = cell[4];
  uint second = first;
  float most = 0.;
  float next = 0.;
  for (int k = 0; k < 9; k++) {
    float sum = 0.;
    for (int j = 0; j < 9; j++) {
      sum += cell[j] == cell[k] ? weight[j] : 0.;
    }
    if (sum > most) {
      if (cell[k] != first) {
        second = first;
        next = most;
      }
      first = cell[k];
      most = sum;
    } else if (cell[k] != first && sum > next) {
      second = cell[k];
      next = sum;
    }
  }
  float sharp = clamp(.5 + (most - next) / (2. * max(pixel, .02)), .5, 1.);
  return mix(paint(second, shade), paint(first, shade), sharp);
}

void main() {
  vec2 place = clamp(at, 0., 1.);
  vec3 color = land(place, territoryA, shadeA);
  if (blend > 0.) {
    color = mix(color, land(place, territoryB, shadeB), blend);
  }
  if (overlay >= TRUST) {
    color = overlaid(color, place);
  }
  // Nothing is known beyond the extent: what lies at its edge fades away quickly.
  float beyond = clamp(length(at - place) / margin, 0., 1.);
  color = mix(color, background, smoothstep(0., 1., beyond));
  if (arrival < 1.) {
    color = mix(texture(snapshot, before).rgb, color, arrival);
  }
  fragment = vec4(color, 1.);
}
