// A quad over the extent and a little beyond, where the picture fades away; `view` takes positions in the extent to the screen.
uniform vec4 view;
uniform vec4 snapshotView;
uniform float margin;
out vec2 at;
// Where the same place was on the screen when the snapshot was taken.
out vec2 before;

void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * (1. + 2. * margin) - margin;
  gl_Position = vec4(at * view.xy + view.zw, 0., 1.);
  before = (at * snapshotView.xy + snapshotView.zw) * .5 + .5;
}
