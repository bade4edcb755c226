// Captures where every sample is seen and how it looks, as the start of a glide.
flat out uint packedPosition;
flat out uint packedLook;

void main() {
  packedPosition = packUnorm2x16(position());
  uvec4 bytes = uvec4(round(look() * 255.));
  packedLook = bytes.r | bytes.g << 8 | bytes.b << 16 | bytes.a << 24;
}
