// One point per sample: where it is, how large, and how it looks in this pass.
uniform vec4 view;
uniform float radius;
uniform float ratio;
uniform float selecting;
uniform float ringing;
uniform int pass;
uniform float opacity;
uniform float emphasis;

flat out vec3 color;
flat out float alpha;
flat out float size;
flat out float foreign;
flat out float ring;
// The predicted class where it is not the label: a cross in its colour (DeepView, Fig. 3).
flat out vec3 taken;
flat out float mistaken;

const int ORDINARY = 1;
const int FOREIGN = 2;
const int SELECTED = 3;
const int RAISED = 4;

void main() {
  vec4 now = look();
  bool isForeign = now.a >= .5;
  bool isSelected = (state & 1u) != 0u;
  color = now.rgb;
  foreign = now.a * emphasis;
  ring = 0.;
  size = radius * (1. + .25 * now.a * emphasis);
  alpha = min(1., opacity + .3 * now.a * emphasis);
  if (pass == SELECTED) {
    alpha = 1.;
    ring = ringing;
    size = max(size * 1.15, mix(radius, 2.6 * ratio, ringing)) + 1.2 * ratio * ringing;
  } else if (pass == RAISED) {
    alpha = 1.;
    ring = 2.;
    size = max(size * 1.5, 5. * ratio) + 2. * ratio;
  } else if (selecting > 0. || (state & 2u) != 0u) {
    alpha *= selecting > 0. && (state & 2u) != 0u ? .1 : .22;
    foreign = 0.;
    size = radius;
  }
  uint prediction = blend < .5 ? predictionA : predictionB;
  bool wrongly = colorBy == 0 && label != NO_LABEL && label != prediction;
  taken = classColor(prediction);
  mistaken = wrongly ? smoothstep(2.8, 3.8, size / ratio) * mix(.4, 1., emphasis) : 0.;
  gl_Position = vec4(position() * view.xy + view.zw, 0., 1.);
  gl_PointSize = 2. * (size + 1.);
  if ((pass == ORDINARY && isForeign) || (pass == FOREIGN && !isForeign) ||
      (pass < SELECTED && isSelected)) {
    gl_Position = vec4(2., 2., 2., 1.);
    gl_PointSize = 1.;
  }
}
