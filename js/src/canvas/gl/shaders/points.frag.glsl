// A point: a disc or a diamond of its colour with a rim, and with rings and a cross where they say something.
flat in vec3 color;
flat in float alpha;
flat in float size;
flat in float foreign;
flat in float ring;
flat in float ringed;
flat in float crossed;
flat in vec3 taken;
flat in float diamond;
flat in float reach;
uniform vec3 background;
uniform vec3 ink;
uniform float rim;
uniform float ratio;
out vec4 fragment;

void main() {
  vec2 at = (gl_PointCoord * 2. - 1.) * reach;
  float d = diamond > 0. ? (abs(at.x) + abs(at.y)) / 1.2533 : length(at);
  float cover = clamp(size + .5 - d, 0., 1.);
  if (cover <= 0.) {
    discard;
  }
  vec3 fill = color;
  if (ring > 0.) {
    // From the outside: ink, a gap of background, the sample's own colour.
    float inkWidth = (ring > 1. ? 2. : 1.2 * ring) * ratio;
    float gap = clamp(d - (size - inkWidth - min(ring, 1.) * ratio) + .5, 0., 1.);
    float edge = clamp(d - (size - inkWidth) + .5, 0., 1.);
    fill = mix(mix(fill, background, gap), ink, edge);
  } else {
    // The rim parts a point from its own land; around a mere dot there is no room for one.
    float room = smoothstep(.7, 1.4, size / ratio);
    float line = clamp(.2 * size, .4 * ratio, ratio);
    float edge = clamp(d - (size - line) + .5, 0., 1.) * room;
    fill = mix(fill, mix(mix(color, ink, rim), ink, foreign), edge);
    float band = min(1.1 * ratio, .42 * size);
    fill = mix(fill, ink, ringed * clamp(d - (size - band) + .5, 0., 1.));
  }
  if (crossed > 0.) {
    float arm = min(abs(at.x + at.y), abs(at.x - at.y)) * .7;
    float width = max(.7 * ratio, size * .13);
    fill = mix(fill, background, crossed * clamp(width + .4 * ratio - arm + .5, 0., 1.));
    fill = mix(fill, taken, crossed * clamp(width - arm + .5, 0., 1.));
  }
  fragment = vec4(fill, 1.) * (cover * alpha);
}
