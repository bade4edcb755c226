// Files that the bundler carries as text.
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.glsl" {
  const text: string;
  export default text;
}
