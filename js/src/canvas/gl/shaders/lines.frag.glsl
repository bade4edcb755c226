// A line's colour, with soft edges.
in float across;
in float breadth;
in vec4 color;
out vec4 fragment;

void main() {
  float cover = clamp(breadth * .5 + .5 - abs(across), 0., 1.);
  fragment = vec4(color.rgb, 1.) * (color.a * cover);
}
