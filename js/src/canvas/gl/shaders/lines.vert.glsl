// A thin line per instance: a piece of a trail, which grows and fades with time, or a link that moves with its two ends.
layout(location = 0) in vec4 lineA;
layout(location = 1) in vec4 lineB;
// When a sample was at the start and at the end of the piece.
layout(location = 2) in vec2 times;
layout(location = 3) in vec4 tint;
uniform vec4 view;
uniform vec2 size;
uniform float width;
uniform float blend;
uniform float time;
uniform float reach;
uniform float strength;
out float across;
out float breadth;
out vec4 color;

void main() {
  vec4 line = mix(lineA, lineB, blend);
  bool atEnd = gl_VertexID > 1;
  float age = 0.;
  if (reach > 0.) {
    float part = clamp((time - times.x) / max(times.y - times.x, 1e-3), 0., 1.);
    line.zw = mix(line.xy, line.zw, part);
    age = (time - (atEnd ? mix(times.x, times.y, part) : times.x)) / reach;
  }
  vec2 from = line.xy * view.xy + view.zw;
  vec2 to = line.zw * view.xy + view.zw;
  vec2 along = (to - from) * size;
  float span = length(along);
  float aside = float(gl_VertexID & 1) * 2. - 1.;
  // A trail tapers towards where its sample was long ago.
  breadth = width * mix(1., .3, clamp(age, 0., 1.));
  across = aside * (breadth * .5 + 1.);
  // A piece without length has no width either, and is not seen.
  vec2 normal = span > 0. ? vec2(-along.y, along.x) / span : vec2(0.);
  gl_Position = vec4((atEnd ? to : from) + normal * across * 2. / size, 0., 1.);
  color = vec4(tint.rgb, tint.a * strength * clamp(1. - age, 0., 1.));
}
