// What a sample looks like now: shared by the pass that draws it and the pass that keeps a snapshot.
layout(location = 0) in vec2 positionA;
layout(location = 1) in vec2 positionB;
layout(location = 2) in vec2 positionS;
layout(location = 3) in uint predictionA;
layout(location = 4) in uint predictionB;
layout(location = 5) in uint label;
layout(location = 6) in uint state;
layout(location = 7) in vec4 lookS;
// The columns that samples are coloured and sized by.
layout(location = 8) in uint colorA;
layout(location = 9) in uint colorB;
layout(location = 10) in uint sizeA;
layout(location = 11) in uint sizeB;

uniform float blend;
uniform float arrival;
uniform int colorBy;
uniform sampler2D palette;
uniform sampler2D scale;
uniform highp usampler2D territoryA;
uniform highp usampler2D territoryB;
uniform vec3 unlabelled;
uniform vec3 right;
uniform vec3 wrong;

const uint NO_LABEL = 0xffffu;
const uint UNPAINTED = 0xffffu;
const uint MISSING = 0xffffu;
const float TOP = 65534.;
const int BY_CATEGORY = 3;
const int BY_NUMBER = 4;

vec2 position() {
  return mix(positionS, mix(positionA, positionB, blend), arrival);
}

vec3 classColor(uint c) {
  return c == NO_LABEL ? unlabelled : texelFetch(palette, ivec2(c & 255u, c >> 8), 0).rgb;
}

// Colour, and in alpha whether the sample lies in the territory of another class.
vec4 look(uint prediction, uint value, vec2 at, highp usampler2D territory) {
  if (colorBy >= BY_CATEGORY) {
    uint cell = colorBy == BY_NUMBER ? value >> 8 : value;
    vec3 own = texelFetch(scale, ivec2(cell & 255u, cell >> 8), 0).rgb;
    return vec4(value == MISSING ? unlabelled : own, 0.);
  }
  if (colorBy == 2) {
    if (label == NO_LABEL) {
      return vec4(unlabelled, 0.);
    }
    return label == prediction ? vec4(right, 0.) : vec4(wrong, 1.);
  }
  uint own = colorBy == 1 ? prediction : label;
  ivec2 size = textureSize(territory, 0);
  uint here = texelFetch(territory, clamp(ivec2(at * vec2(size)), ivec2(0), size - 1), 0).r;
  if (here == UNPAINTED) {
    here = prediction;
  }
  return vec4(classColor(own), own == here || own == NO_LABEL ? 0. : 1.);
}

vec4 look() {
  vec4 now = look(predictionA, colorA, positionA, territoryA);
  if (blend > 0.) {
    now = mix(now, look(predictionB, colorB, positionB, territoryB), blend);
  }
  return mix(lookS, now, arrival);
}
