// The landscape under the points: pale territories that fade where nothing is decided, and where nothing is known.
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
uniform float delta;
uniform sampler2D supportA;
uniform sampler2D supportB;
uniform float margin;
uniform int overlay;
uniform sampler2D fieldA;
uniform sampler2D fieldB;
uniform vec3 ink;
uniform float ratio;
out vec4 fragment;

const uint UNPAINTED = 0xffffu;

const int CONFIDENCE = 1;
const int TRUST = 2;
const int DENSITY = 3;
const int CHANGES = 4;

vec3 paint(uint c, float shade, float decided, float known) {
  if (c == UNPAINTED) {
    return background;
  }
  vec3 color = texelFetch(palette, ivec2(c & 255u, c >> 8), 0).rgb;
  float amount = mix(strength.x, strength.y, shade);
  if (overlay == CONFIDENCE) {
    // In steps, so that equal colours are equally sure.
    float level = shade * 10.;
    float edge = max(fwidth(level), 1e-4);
    float step = (floor(level) + smoothstep(1. - edge, 1., fract(level))) / 10.;
    amount = .04 + .86 * step * step;
  }
  return mix(background, color, amount * decided * known);
}

vec3 overlaid(vec3 color, vec2 place) {
  float value = mix(texture(fieldA, place).r, texture(fieldB, place).r, blend);
  if (overlay == TRUST) {
    // Land that nobody has seen is drawn as on old maps: faint, and hatched where nothing is known of it.
    float stripe = abs(fract((pixel.x + pixel.y) / (7. * ratio)) * 2. - 1.);
    float soft = 2. / (7. * ratio);
    float width = .1 + .26 * value;
    float line = smoothstep(1. - width - soft, 1. - width + soft, stripe);
    float fog = smoothstep(.1, .6, value);
    float hatched = smoothstep(.7, .85, value);
    return mix(mix(color, background, .65 * fog), ink, .38 * line * hatched);
  }
  if (overlay == CHANGES) {
    float edge = max(fwidth(value), 1e-4);
    float changed = smoothstep(.5 - edge, .5 + edge, value);
    float line = 1. - smoothstep(.4 * ratio, 1.2 * ratio, abs(value - .5) / edge);
    float known = mix(texture(supportA, place).r, texture(supportB, place).r, blend);
    vec3 drawn = clamp(background + (color - background) * mix(.3, 1.8, changed), 0., 1.);
    return mix(drawn, ink, .6 * line * known);
  }
  float level = value * 6.;
  float edge = max(fwidth(level), 1e-4);
  float line = 1. - smoothstep(.4 * ratio, 1.2 * ratio, abs(fract(level + .5) - .5) / edge);
  return mix(color, ink, .05 * floor(level) + .3 * line * step(.5, level));
}

// The four cells of a territory round a place: their classes, their bilinear weights and their margins.
void around(vec2 place, highp usampler2D territory, float share, int first, inout uint kind[8],
    inout float weight[8], inout float margins[8]) {
  ivec2 size = textureSize(territory, 0);
  vec2 p = place * vec2(size) - .5;
  vec2 f = fract(p);
  ivec2 corner = ivec2(floor(p));
  for (int k = 0; k < 4; k++) {
    ivec2 offset = ivec2(k & 1, k >> 1);
    uvec2 cell = texelFetch(territory, clamp(corner + offset, ivec2(0), size - 1), 0).rg;
    vec2 near = mix(1. - f, f, vec2(offset));
    float root = float(cell.g) / 255.;
    kind[first + k] = cell.r;
    weight[first + k] = share * near.x * near.y;
    margins[first + k] = root * root;
  }
}

// A class' margin is positive in its own cells and negative in all others: its zero is the border, a line at any
// zoom, and between two epochs it moves.
vec3 land(vec2 place) {
  uint kind[8];
  float weight[8];
  float margins[8];
  around(place, territoryA, 1. - blend, 0, kind, weight, margins);
  around(place, territoryB, blend, 4, kind, weight, margins);
  uint best = kind[0];
  float most = -2.;
  for (int k = 0; k < 8; k++) {
    float sum = 0.;
    for (int j = 0; j < 8; j++) {
      sum += kind[j] == kind[k] ? weight[j] * margins[j] : -weight[j] * margins[j];
    }
    if (weight[k] > 0. && sum > most) {
      best = kind[k];
      most = sum;
    }
  }
  float width = max(fwidth(most), 1e-5);
  float decided = smoothstep(.5 * (delta - width), 1.5 * delta + .5 * width, most);
  float shade = mix(texture(shadeA, place).r, texture(shadeB, place).r, blend);
  float known = mix(texture(supportA, place).r, texture(supportB, place).r, blend);
  return paint(best, shade, decided, known);
}

void main() {
  vec2 place = clamp(at, 0., 1.);
  vec3 color = land(place);
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
