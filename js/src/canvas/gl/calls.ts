// The few WebGL2 calls that everything drawn here is made of: programs with named uniforms, buffers, textures.

export interface Program {
  program: WebGLProgram;
  uniforms: Map<string, { location: WebGLUniformLocation; type: number }>;
  /** The texture unit of each sampler. */
  units: Map<string, number>;
}

export type UniformValue = number | readonly number[];

/** A program of two shaders, without their version line; `varyings` are captured by transform feedback. */
export function createProgram(
  gl: WebGL2RenderingContext,
  vertex: string,
  fragment: string,
  varyings: readonly string[] = [],
): Program {
  const program = gl.createProgram();
  const shaders = ([gl.VERTEX_SHADER, gl.FRAGMENT_SHADER] as const).map((type, i) => {
    const shader = gl.createShader(type) as WebGLShader;
    gl.shaderSource(
      shader,
      `#version 300 es\nprecision highp float;\nprecision highp int;\n${[vertex, fragment][i]}`,
    );
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    return shader;
  });
  if (varyings.length > 0) {
    gl.transformFeedbackVaryings(program, varyings, gl.INTERLEAVED_ATTRIBS);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = [gl.getProgramInfoLog(program), ...shaders.map((s) => gl.getShaderInfoLog(s))];
    throw new Error(`The landscape cannot be drawn here: ${logs.filter(Boolean).join(" ")}`);
  }
  for (const shader of shaders) {
    gl.deleteShader(shader);
  }
  const uniforms: Program["uniforms"] = new Map();
  const units: Program["units"] = new Map();
  gl.useProgram(program);
  const count = (gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) ?? 0) as number;
  for (let i = 0; i < count; i++) {
    const info = gl.getActiveUniform(program, i);
    const location = info === null ? null : gl.getUniformLocation(program, info.name);
    if (info !== null && location !== null) {
      uniforms.set(info.name, { location, type: info.type });
      if (info.type === gl.SAMPLER_2D || info.type === gl.UNSIGNED_INT_SAMPLER_2D) {
        gl.uniform1i(location, units.size);
        units.set(info.name, units.size);
      }
    }
  }
  return { program, uniforms, units };
}

/** Use a program with these uniforms; those it does not have are passed over. */
export function useProgram(
  gl: WebGL2RenderingContext,
  { program, uniforms }: Program,
  values: Readonly<Record<string, UniformValue>>,
): void {
  gl.useProgram(program);
  for (const name in values) {
    setUniform(gl, uniforms.get(name), values[name] as UniformValue);
  }
}

export function setUniform(
  gl: WebGL2RenderingContext,
  uniform: { location: WebGLUniformLocation; type: number } | undefined,
  value: UniformValue,
): void {
  if (uniform === undefined) {
    return;
  }
  const { location, type } = uniform;
  if (typeof value !== "number") {
    const set = [gl.uniform2fv, gl.uniform3fv, gl.uniform4fv][value.length - 2];
    set?.call(gl, location, value);
  } else if (type === gl.FLOAT) {
    gl.uniform1f(location, value);
  } else {
    gl.uniform1i(location, value);
  }
}

/** Bind textures to the samplers of a program, by their names. */
export function bindTextures(
  gl: WebGL2RenderingContext,
  { units }: Program,
  textures: Readonly<Record<string, WebGLTexture>>,
): void {
  for (const [name, unit] of units) {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, textures[name] ?? null);
  }
}

export function createBuffer(
  gl: WebGL2RenderingContext,
  data: ArrayBufferView | number,
  usage: number = gl.STATIC_DRAW,
): WebGLBuffer {
  const buffer = gl.createBuffer();
  fillBuffer(gl, buffer, data, usage);
  return buffer;
}

export function fillBuffer(
  gl: WebGL2RenderingContext,
  buffer: WebGLBuffer,
  data: ArrayBufferView | number,
  usage: number,
): void {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data as ArrayBufferView<ArrayBuffer>, usage);
  gl.bindBuffer(gl.ARRAY_BUFFER, null);
}

/** How the pixels of a texture are stored, and read between them. */
const FORMATS = {
  color: ["RGBA8", "RGBA", "UNSIGNED_BYTE", "NEAREST"],
  smooth: ["RGBA8", "RGBA", "UNSIGNED_BYTE", "LINEAR"],
  cells: ["RG16UI", "RG_INTEGER", "UNSIGNED_SHORT", "NEAREST"],
  shade: ["R8", "RED", "UNSIGNED_BYTE", "LINEAR"],
} as const;

export type Format = keyof typeof FORMATS;

export function createTexture(
  gl: WebGL2RenderingContext,
  format: Format,
  width: number,
  height: number,
  pixels: ArrayBufferView | null,
): WebGLTexture {
  const texture = gl.createTexture();
  fillTexture(gl, texture, format, width, height, pixels);
  return texture;
}

export function fillTexture(
  gl: WebGL2RenderingContext,
  texture: WebGLTexture,
  format: Format,
  width: number,
  height: number,
  pixels: ArrayBufferView | null,
): void {
  const [stored, given, type, filter] = FORMATS[format];
  gl.activeTexture(gl.TEXTURE0);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl[stored], width, height, 0, gl[given], gl[type], pixels);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl[filter]);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl[filter]);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
}
