// A point: a disc of its colour, with an outline, rings and a cross where there is room for them.
flat in vec3 color;
flat in float alpha;
flat in float size;
flat in float foreign;
flat in float ring;
flat in vec3 taken;
flat in float mistaken;
uniform vec3 background;
uniform vec3 ink;
uniform float ratio;
out vec4 fragment;

void main() {
  vec2 at = (gl_PointCoord * 2. - 1.) * (size + 1.);
  float d = length(at);
  float cover = clamp(size + .5 - d, 0., 1.);
  if (cover <= 0.) {
    discard;
  }
  vec3 fill = color;
  float line = 1. * ratio;
  if (ring > 0.) {
    // From the outside: ink, a gap of background, the sample's own colour.
    float inkWidth = (ring > 1. ? 2. : 1.2 * ring) * ratio;
    float gap = clamp(d - (size - inkWidth - min(ring, 1.) * ratio) + .5, 0., 1.);
    float rim = clamp(d - (size - inkWidth) + .5, 0., 1.);
    fill = mix(mix(fill, background, gap), ink, rim);
  } else {
    // An outline only where there is room for one.
    float room = smoothstep(1.6, 2.6, size / ratio);
    float rim = clamp(d - (size - line) + .5, 0., 1.) * room;
    vec3 outline = mix(mix(color, background, .55), ink, foreign);
    fill = mix(fill, outline, rim);
  }
  if (mistaken > 0.) {
    float arm = min(abs(at.x + at.y), abs(at.x - at.y)) * .7;
    float width = max(.7 * ratio, size * .13);
    fill = mix(fill, background, mistaken * clamp(width + .4 * ratio - arm + .5, 0., 1.));
    fill = mix(fill, taken, mistaken * clamp(width - arm + .5, 0., 1.));
  }
  fragment = vec4(fill, 1.) * (cover * alpha);
}
