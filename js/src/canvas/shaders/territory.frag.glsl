precision highp float;

in vec2 at;
uniform float blend;
uniform float arrival;
uniform sampler2D palette;
uniform highp usampler2D territoryA;
uniform highp usampler2D territoryB;
uniform sampler2D snapshot;
uniform vec3 background;
uniform vec2 strength;
out vec4 fragment;

const uint ON_BOUNDARY = 0xffffu;
const uint UNPAINTED = 0xfffeu;

vec3 paint(uint c, float shade) {
  if (c >= UNPAINTED) {
    return background;
  }
  vec3 color = texelFetch(palette, ivec2(c & 255u, c >> 8), 0).rgb;
  return mix(background, color, mix(strength.x, strength.y, shade));
}

// Of the four cells around, the class with most weight wins, so that borders stay sharp at any zoom.
vec3 land(highp usampler2D territory) {
  ivec2 size = textureSize(territory, 0);
  vec2 p = at * vec2(size) - .5;
  float pixel = max(fwidth(p.x), fwidth(p.y));
  ivec2 i = ivec2(floor(p));
  vec2 f = p - vec2(i);
  uvec2 cell[4];
  float weight[4];
  float shade = 0.;
  for (int k = 0; k < 4; k++) {
    ivec2 corner = ivec2(k & 1, k >> 1);
    cell[k] = texelFetch(territory, clamp(i + corner, ivec2(0), size - 1), 0).rg;
    vec2 w = mix(1. - f, f, vec2(corner));
    weight[k] = w.x * w.y;
    shade += weight[k] * float(cell[k].g) / 255.;
  }
  uint first = cell[0].r;
  uint second = first;
  float most = 0.;
  float next = 0.;
  for (int k = 0; k < 4; k++) {
    float sum = 0.;
    for (int j = 0; j < 4; j++) {
      sum += cell[j].r == cell[k].r ? weight[j] : 0.;
    }
    if (sum > most) {
      if (cell[k].r != first) {
        second = first;
        next = most;
      }
      first = cell[k].r;
      most = sum;
    } else if (cell[k].r != first && sum > next) {
      second = cell[k].r;
      next = sum;
    }
  }
  vec3 color = paint(first, shade);
  if (second == first) {
    return color;
  }
  float sharp = clamp(.5 + (most - next) / (2. * max(pixel, .02)), .5, 1.);
  return mix(paint(second, shade), color, sharp);
}

void main() {
  vec3 color = land(territoryA);
  if (blend > 0.) {
    color = mix(color, land(territoryB), blend);
  }
  if (arrival < 1.) {
    color = mix(texture(snapshot, at).rgb, color, arrival);
  }
  fragment = vec4(color, 1.);
}
