// One point per sample: where it is, how large, and how it looks in this pass.
uniform vec4 view;
uniform float radius;
uniform float ratio;
uniform float selecting;
uniform float ringing;
uniform int pass;
uniform float opacity;
uniform float emphasis;
uniform bool sized;

flat out vec3 color;
flat out float alpha;
flat out float size;
flat out float foreign;
flat out float ring;
// How much a wrong prediction is marked: by a ring around a small point, by a cross on a large one, in the colour of
// the other class (DeepView, Fig. 3).
flat out float ringed;
flat out float crossed;
flat out vec3 taken;
// 1 for the diamonds of test samples.
flat out float diamond;
// From the middle of the point to the edge of its square.
flat out float reach;

const int ORDINARY = 1;
const int FOREIGN = 2;
const int SELECTED = 3;
const int RAISED = 4;

// The radius of points: its square grows with the column that they are sized by.
float sizedBy(uint value) {
  return value == MISSING ? .55 : mix(.55, 2.1, sqrt(float(value) / TOP));
}

void main() {
  vec4 now = look();
  uint prediction = blend < .5 ? predictionA : predictionB;
  bool isWrong = label != NO_LABEL && label != prediction;
  bool stands = now.a >= .5 || isWrong;
  bool isSelected = (state & 1u) != 0u;
  bool isFaded = pass < SELECTED && (selecting > 0. || (state & 2u) != 0u);
  color = now.rgb;
  foreign = now.a * emphasis;
  ring = 0.;
  float own = radius * (sized ? mix(sizedBy(sizeA), sizedBy(sizeB), blend) : 1.);
  size = own * (1. + .25 * max(now.a, isWrong ? 1. : 0.) * emphasis);
  alpha = min(1., opacity + .3 * now.a * emphasis);
  // Where most are wrong, the marks fade, but none is left out.
  bool isMarked = isWrong && colorBy != 2 && !isFaded;
  float marked = isMarked ? mix(.45, 1., emphasis) : 0.;
  // A cross has the colour of a class, which says nothing where colour stands for something else.
  crossed = colorBy >= BY_CATEGORY ? 0. : marked * smoothstep(3.2, 3.8, size / ratio);
  ringed = marked - crossed;
  size += .8 * ringed * ratio * min(1., radius / ratio);
  if (pass == SELECTED) {
    alpha = 1.;
    ring = ringing;
    size = max(size * 1.15, mix(own, 2.6 * ratio, ringing)) + 1.2 * ratio * ringing;
  } else if (pass == RAISED) {
    alpha = 1.;
    ring = 2.;
    size = max(size * 1.5, 5. * ratio) + 2. * ratio;
  } else if (isFaded) {
    alpha *= selecting > 0. && (state & 2u) != 0u ? .1 : .22;
    foreign = 0.;
    size = own;
  }
  taken = colorBy == 1 ? classColor(label) : classColor(prediction);
  diamond = (state & 4u) != 0u && size > 2.2 * ratio ? 1. : 0.;
  // A diamond of a disc's area is wider.
  reach = size * mix(1., 1.2533, diamond) + 1.;
  gl_Position = vec4(position() * view.xy + view.zw, 0., 1.);
  gl_PointSize = 2. * reach;
  if ((pass == ORDINARY && stands) || (pass == FOREIGN && !stands) ||
      (pass < SELECTED && isSelected)) {
    gl_Position = vec4(2., 2., 2., 1.);
    gl_PointSize = 1.;
  }
}
