// A quad over the whole extent; `view` takes positions in the extent to the screen.
uniform vec4 view;
out vec2 at;

void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(at * view.xy + view.zw, 0., 1.);
}
