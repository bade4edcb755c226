out vec4 fragment;
void main() {
  fragment = vec4(0.);
}
