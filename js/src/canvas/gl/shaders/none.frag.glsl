// Draws nothing: a program that only captures what its vertices compute still needs a fragment shader.
out vec4 fragment;
void main() {
  fragment = vec4(0.);
}
