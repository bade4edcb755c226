uniform vec4 view;
uniform float radius;
uniform float ratio;
uniform float selecting;
uniform int pass;
uniform vec2 opacity;

flat out vec3 color;
flat out float alpha;
flat out float size;
flat out float foreign;
flat out float ring;

const int ORDINARY = 0;
const int FOREIGN = 1;
const int SELECTED = 2;
const int HOVERED = 3;

void main() {
  vec4 now = look();
  bool isForeign = now.a >= .5;
  bool isSelected = (state & 1u) != 0u;
  color = now.rgb;
  foreign = now.a;
  ring = 0.;
  size = radius * (1. + .25 * now.a);
  alpha = mix(opacity.x, opacity.y, now.a);
  if (pass == SELECTED) {
    alpha = 1.;
    ring = 1.;
    size = max(size * 1.15, 2.6 * ratio) + 1.2 * ratio;
  } else if (pass == HOVERED) {
    alpha = 1.;
    ring = 2.;
    size = max(size * 1.5, 5. * ratio) + 2. * ratio;
  } else if (selecting > 0. || (state & 2u) != 0u) {
    alpha *= .22;
    foreign = 0.;
    size = radius;
  }
  gl_Position = vec4(position() * view.xy + view.zw, 0., 1.);
  gl_PointSize = 2. * (size + 1.);
  if ((pass == ORDINARY && isForeign) || (pass == FOREIGN && !isForeign) ||
      (pass < SELECTED && isSelected)) {
    gl_Position = vec4(2., 2., 2., 1.);
    gl_PointSize = 1.;
  }
}
