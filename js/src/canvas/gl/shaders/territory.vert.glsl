// A quad over the extent and a little beyond, where the picture fades away; `view` takes positions in the extent to the screen.
uniform vec4 view;
uniform vec4 snapshotView;
uniform float margin;
uniform vec2 size;
out vec2 at;
// In pixels from the landscape's own corner.
out vec2 pixel;
// Where the same place was on the screen when the snapshot was taken.
out vec2 before;

void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * (1. + 2. * margin) - margin;
  gl_Position = vec4(at * view.xy + view.zw, 0., 1.);
  pixel = at * view.xy * .5 * size;
  before = (at * snapshotView.xy + snapshotView.zw) * .5 + .5;
}
