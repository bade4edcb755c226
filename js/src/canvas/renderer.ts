// Draws one landscape with WebGL2: territories and points of two epochs, blended by one number on the GPU.
import type { Frame, Territory } from "../data/source";
import { UNPAINTED } from "../data/source";
import type { Rgb } from "../palette";
import {
  type ContextUser,
  joinContext,
  leaveContext,
  reserve,
  type SharedContext,
} from "./context";
import noneFrag from "./shaders/none.frag.glsl";
import pointsFrag from "./shaders/points.frag.glsl";
import pointsVert from "./shaders/points.vert.glsl";
import sampleChunk from "./shaders/sample.glsl";
import snapshotVert from "./shaders/snapshot.vert.glsl";
import territoryFrag from "./shaders/territory.frag.glsl";
import territoryVert from "./shaders/territory.vert.glsl";

/** The colours of a picture. */
export interface Look {
  classes: readonly Rgb[];
  background: Rgb;
  ink: Rgb;
  unlabelled: Rgb;
  right: Rgb;
  wrong: Rgb;
  /** How much class colour a territory has where the shade is 0 and where it is 1. */
  strength: readonly [number, number];
}

/** One picture: which epochs, how blended, seen from where. */
export interface Scene {
  a: number;
  b: number;
  blend: number;
  /** From the snapshot (0) to the blend of `a` and `b` (1). */
  arrival: number;
  /** Takes positions in the extent to clip space: scale x, y, offset x, y. */
  view: readonly [number, number, number, number];
  /** Device pixels. */
  width: number;
  height: number;
  ratio: number;
  /** Radius of a point in device pixels; opacity of ordinary points and of those in foreign territory. */
  radius: number;
  opacity: readonly [number, number];
  colorBy: 0 | 1 | 2;
  hovered: number | null;
}

export interface Epochs {
  frame(position: number): Frame | undefined;
  territory(position: number): Territory | undefined;
}

interface GpuFrame {
  frame: Frame;
  positions: WebGLBuffer;
  predictions: WebGLBuffer;
  predictionType: number;
}

interface GpuTerritory {
  territory: Territory;
  texture: WebGLTexture;
}

interface Snapshot {
  samples: WebGLBuffer;
  land: WebGLTexture;
}

/** The GPU's side of a scene. */
interface Drawn {
  scene: Scene;
  a: GpuFrame;
  b: GpuFrame;
  landA: WebGLTexture;
  landB: WebGLTexture;
}

interface Program {
  program: WebGLProgram;
  uniforms: Map<string, WebGLUniformLocation>;
}

interface Resources {
  points: Program;
  territory: Program;
  keep: Program;
  vertices: WebGLVertexArrayObject;
  feedback: WebGLTransformFeedback;
  framebuffer: WebGLFramebuffer;
  labels: WebGLBuffer;
  states: WebGLBuffer;
  selected: WebGLBuffer;
  palette: WebGLTexture;
  unpainted: WebGLTexture;
  frames: Map<number, GpuFrame>;
  territories: Map<number, GpuTerritory>;
  snapshots: Snapshot[];
}

const NO_LABEL = 0xffff;
const SNAPSHOT_LAND = 1024;
const FRAME_BUDGET = 256e6;
const MOST_FRAMES = 128;
const MOST_TERRITORIES = 64;
const HEADER = "#version 300 es\n";
const PASS = { ordinary: 0, foreign: 1, selected: 2, hovered: 3 } as const;

export class Renderer implements ContextUser {
  /** Called when the context came back and everything must be drawn again. */
  onRestored: () => void = () => {};
  private readonly shared: SharedContext;
  private readonly output: CanvasRenderingContext2D;
  private resources: Resources | null = null;
  private selected: Uint32Array = new Uint32Array(0);
  private states: Uint8Array;
  private look: Look | null = null;
  private current = -1;
  private last: Drawn | null = null;
  private readonly mostFrames: number;

  /** A renderer onto a canvas in the page; null where the browser has no WebGL2. */
  static create(canvas: HTMLCanvasElement, labels: Int32Array, epochs: Epochs): Renderer | null {
    const output = canvas.getContext("2d");
    if (output === null) {
      return null;
    }
    try {
      return new Renderer(output, labels, epochs);
    } catch {
      return null;
    }
  }

  private constructor(
    output: CanvasRenderingContext2D,
    private readonly labels: Int32Array,
    private readonly epochs: Epochs,
  ) {
    const shared = joinContext(this);
    if (shared === null) {
      throw new Error("This browser offers no WebGL2.");
    }
    this.shared = shared;
    this.output = output;
    this.states = new Uint8Array(labels.length);
    this.mostFrames = Math.min(
      MOST_FRAMES,
      Math.max(4, Math.floor(FRAME_BUDGET / (6 * Math.max(1, labels.length)))),
    );
    this.build();
  }

  get ready(): boolean {
    return this.resources !== null;
  }

  lost(): void {
    this.resources = null;
    this.current = -1;
    this.last = null;
  }

  restored(): void {
    this.build();
    this.onRestored();
  }

  setLook(look: Look): void {
    this.look = look;
    if (this.resources !== null) {
      this.uploadPalette(this.resources, look);
    }
  }

  /** One byte per sample: bit 0 selected, bit 1 faded by a filter. And the selected once more, as indices. */
  setStates(states: Uint8Array, selected: Uint32Array): void {
    this.states = states;
    this.selected = selected;
    if (this.resources !== null) {
      this.uploadStates(this.resources);
    }
  }

  /** Bring an epoch to the GPU before it is needed. Says whether there was anything to do. */
  prepare(position: number): boolean {
    const { resources } = this;
    if (resources === null) {
      return false;
    }
    const frame = this.epochs.frame(position);
    if (
      frame !== undefined &&
      resources.frames.get(position)?.frame !== frame &&
      this.nearerThanFarthest(resources.frames, this.mostFrames, position)
    ) {
      this.gpuFrame(resources, position);
      return true;
    }
    const territory = this.epochs.territory(position);
    if (
      territory !== undefined &&
      resources.territories.get(position)?.territory !== territory &&
      this.nearerThanFarthest(resources.territories, MOST_TERRITORIES, position)
    ) {
      this.gpuTerritory(resources, position);
      return true;
    }
    return false;
  }

  /** Draw, and copy what was drawn to the page in the same task. */
  draw(scene: Scene): void {
    const { resources, look, shared } = this;
    const { gl } = shared;
    if (resources === null || look === null || gl.isContextLost()) {
      return;
    }
    const drawn = this.resolve(resources, scene);
    reserve(shared, scene.width, scene.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, shared.canvas.height - scene.height, scene.width, scene.height);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.SCISSOR_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(look.background[0] / 255, look.background[1] / 255, look.background[2] / 255, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.drawLand(resources, look, drawn, scene.view);
    this.drawPoints(resources, look, drawn);
    const { canvas } = this.output;
    if (canvas.width !== scene.width || canvas.height !== scene.height) {
      canvas.width = scene.width;
      canvas.height = scene.height;
    }
    this.output.drawImage(
      shared.canvas,
      0,
      0,
      scene.width,
      scene.height,
      0,
      0,
      scene.width,
      scene.height,
    );
    this.last = drawn;
  }

  /** Keep the picture last drawn as where the next glide starts; false where there is none. */
  keep(): boolean {
    const { resources, last, look } = this;
    const { gl } = this.shared;
    if (resources === null || last === null || look === null || gl.isContextLost()) {
      return false;
    }
    const target = this.current === 0 ? 1 : 0;
    const { samples, land } = this.snapshot(resources, target);

    gl.bindFramebuffer(gl.FRAMEBUFFER, resources.framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, land, 0);
    gl.viewport(0, 0, SNAPSHOT_LAND, SNAPSHOT_LAND);
    gl.disable(gl.BLEND);
    this.drawLand(resources, look, last, [2, 2, -1, -1]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);

    const { program, uniforms } = resources.keep;
    gl.useProgram(program);
    this.setSampleUniforms(resources, look, last, uniforms);
    this.bindSamples(resources, last);
    gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, resources.feedback);
    gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, samples);
    gl.enable(gl.RASTERIZER_DISCARD);
    gl.beginTransformFeedback(gl.POINTS);
    gl.drawArrays(gl.POINTS, 0, this.labels.length);
    gl.endTransformFeedback();
    gl.disable(gl.RASTERIZER_DISCARD);
    gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, null);
    gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, null);
    gl.bindVertexArray(null);
    this.current = target;
    return true;
  }

  /** Give back everything on the GPU, and the place in the shared context. */
  dispose(): void {
    const { resources } = this;
    const { gl } = this.shared;
    if (resources !== null && !gl.isContextLost()) {
      for (const { program } of [resources.points, resources.territory, resources.keep]) {
        gl.deleteProgram(program);
      }
      for (const buffer of [resources.labels, resources.states, resources.selected]) {
        gl.deleteBuffer(buffer);
      }
      for (const { positions, predictions } of resources.frames.values()) {
        gl.deleteBuffer(positions);
        gl.deleteBuffer(predictions);
      }
      for (const { texture } of resources.territories.values()) {
        gl.deleteTexture(texture);
      }
      for (const { samples, land } of resources.snapshots) {
        gl.deleteBuffer(samples);
        gl.deleteTexture(land);
      }
      gl.deleteTexture(resources.palette);
      gl.deleteTexture(resources.unpainted);
      gl.deleteVertexArray(resources.vertices);
      gl.deleteTransformFeedback(resources.feedback);
      gl.deleteFramebuffer(resources.framebuffer);
    }
    this.resources = null;
    leaveContext(this.shared, this);
  }

  private drawLand(
    resources: Resources,
    look: Look,
    drawn: Drawn,
    view: readonly [number, number, number, number],
  ): void {
    const { gl } = this.shared;
    const { program, uniforms } = resources.territory;
    gl.useProgram(program);
    gl.bindVertexArray(null);
    const { scene } = drawn;
    this.bindTextures(resources, drawn, uniforms);
    gl.uniform1f(at(uniforms, "blend"), scene.blend);
    gl.uniform1f(at(uniforms, "arrival"), this.current < 0 ? 1 : scene.arrival);
    gl.uniform4f(at(uniforms, "view"), ...view);
    gl.uniform3f(at(uniforms, "background"), ...unit(look.background));
    gl.uniform2f(at(uniforms, "strength"), ...look.strength);
    gl.activeTexture(gl.TEXTURE3);
    const kept = resources.snapshots[this.current];
    gl.bindTexture(gl.TEXTURE_2D, kept?.land ?? resources.palette);
    gl.uniform1i(at(uniforms, "snapshot"), 3);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private drawPoints(resources: Resources, look: Look, drawn: Drawn): void {
    const { gl } = this.shared;
    const { program, uniforms } = resources.points;
    const { scene } = drawn;
    gl.useProgram(program);
    this.setSampleUniforms(resources, look, drawn, uniforms);
    gl.uniform4f(at(uniforms, "view"), ...scene.view);
    gl.uniform1f(at(uniforms, "radius"), scene.radius);
    gl.uniform1f(at(uniforms, "ratio"), scene.ratio);
    gl.uniform2f(at(uniforms, "opacity"), ...scene.opacity);
    gl.uniform1f(at(uniforms, "selecting"), this.selected.length > 0 ? 1 : 0);
    gl.uniform3f(at(uniforms, "background"), ...unit(look.background));
    gl.uniform3f(at(uniforms, "ink"), ...unit(look.ink));
    this.bindSamples(resources, drawn);
    const pass = at(uniforms, "pass");
    gl.uniform1i(pass, PASS.ordinary);
    gl.drawArrays(gl.POINTS, 0, this.labels.length);
    gl.uniform1i(pass, PASS.foreign);
    gl.drawArrays(gl.POINTS, 0, this.labels.length);
    if (this.selected.length > 0) {
      gl.uniform1i(pass, PASS.selected);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.selected);
      gl.drawElements(gl.POINTS, this.selected.length, gl.UNSIGNED_INT, 0);
    }
    if (scene.hovered !== null) {
      gl.uniform1i(pass, PASS.hovered);
      gl.drawArrays(gl.POINTS, scene.hovered, 1);
    }
    gl.bindVertexArray(null);
  }

  private setSampleUniforms(
    resources: Resources,
    look: Look,
    drawn: Drawn,
    uniforms: Program["uniforms"],
  ): void {
    const { gl } = this.shared;
    const { scene } = drawn;
    this.bindTextures(resources, drawn, uniforms);
    gl.uniform1f(at(uniforms, "blend"), scene.blend);
    gl.uniform1f(at(uniforms, "arrival"), this.current < 0 ? 1 : scene.arrival);
    gl.uniform1i(at(uniforms, "colorBy"), scene.colorBy);
    gl.uniform3f(at(uniforms, "unlabelled"), ...unit(look.unlabelled));
    gl.uniform3f(at(uniforms, "right"), ...unit(look.right));
    gl.uniform3f(at(uniforms, "wrong"), ...unit(look.wrong));
  }

  private bindTextures(
    resources: Resources,
    { landA, landB }: Drawn,
    uniforms: Program["uniforms"],
  ): void {
    const { gl } = this.shared;
    const textures = [
      ["palette", resources.palette],
      ["territoryA", landA],
      ["territoryB", landB],
    ] as const;
    textures.forEach(([name, texture], unitNumber) => {
      gl.activeTexture(gl.TEXTURE0 + unitNumber);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(at(uniforms, name), unitNumber);
    });
  }

  private bindSamples(resources: Resources, { a, b }: Drawn): void {
    const { gl } = this.shared;
    gl.bindVertexArray(resources.vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, a.positions);
    gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 4, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, b.positions);
    gl.vertexAttribPointer(1, 2, gl.UNSIGNED_SHORT, true, 4, 0);
    const kept = resources.snapshots[this.current];
    if (kept !== undefined) {
      gl.bindBuffer(gl.ARRAY_BUFFER, kept.samples);
      gl.vertexAttribPointer(2, 2, gl.UNSIGNED_SHORT, true, 8, 0);
      gl.enableVertexAttribArray(7);
      gl.vertexAttribPointer(7, 4, gl.UNSIGNED_BYTE, true, 8, 4);
    } else {
      gl.bindBuffer(gl.ARRAY_BUFFER, a.positions);
      gl.vertexAttribPointer(2, 2, gl.UNSIGNED_SHORT, true, 4, 0);
      gl.disableVertexAttribArray(7);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, a.predictions);
    gl.vertexAttribIPointer(3, 1, a.predictionType, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, b.predictions);
    gl.vertexAttribIPointer(4, 1, b.predictionType, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, resources.labels);
    gl.vertexAttribIPointer(5, 1, gl.UNSIGNED_SHORT, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, resources.states);
    gl.vertexAttribIPointer(6, 1, gl.UNSIGNED_BYTE, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
  }

  private resolve(resources: Resources, scene: Scene): Drawn {
    const a = this.gpuFrame(resources, scene.a);
    const b = scene.b === scene.a ? a : this.gpuFrame(resources, scene.b);
    if (a === null || b === null) {
      throw new Error("An epoch was to be drawn that has not arrived.");
    }
    const landA = this.gpuTerritory(resources, scene.a);
    const landB = scene.b === scene.a ? landA : this.gpuTerritory(resources, scene.b);
    return { scene, a, b, landA, landB };
  }

  /** The epoch's buffers, uploaded once. */
  private gpuFrame(resources: Resources, position: number): GpuFrame | null {
    const { gl } = this.shared;
    const { frames } = resources;
    const frame = this.epochs.frame(position);
    const known = frames.get(position);
    // What the window let go but the GPU still has is as good.
    if (known !== undefined && (frame === undefined || known.frame === frame)) {
      return known;
    }
    if (frame === undefined) {
      return null;
    }
    const farthest = known === undefined ? this.farthest(frames, this.mostFrames) : position;
    const old = frames.get(farthest);
    if (old !== undefined) {
      gl.deleteBuffer(old.positions);
      gl.deleteBuffer(old.predictions);
      frames.delete(farthest);
    }
    const entry: GpuFrame = {
      frame,
      positions: this.buffer(gl.ARRAY_BUFFER, frame.positions, gl.STATIC_DRAW),
      predictions: this.buffer(gl.ARRAY_BUFFER, frame.predictions, gl.STATIC_DRAW),
      predictionType:
        frame.predictions instanceof Uint8Array ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT,
    };
    frames.set(position, entry);
    return entry;
  }

  private gpuTerritory(resources: Resources, position: number): WebGLTexture {
    const { gl } = this.shared;
    const { territories } = resources;
    const territory = this.epochs.territory(position);
    const known = territories.get(position);
    if (known !== undefined && (territory === undefined || known.territory === territory)) {
      return known.texture;
    }
    if (territory === undefined) {
      return resources.unpainted;
    }
    const farthest = known === undefined ? this.farthest(territories, MOST_TERRITORIES) : position;
    const old = territories.get(farthest);
    if (old !== undefined) {
      gl.deleteTexture(old.texture);
      territories.delete(farthest);
    }
    const texture = this.cells(territory.cells, territory.resolution);
    territories.set(position, { territory, texture });
    return texture;
  }

  /** The epoch to let go when no more fit: the one farthest from what is on the screen; -1 while there is room. */
  private farthest(held: ReadonlyMap<number, unknown>, most: number): number {
    let farthest = -1;
    if (held.size >= most) {
      for (const position of held.keys()) {
        if (this.distance(position) > (farthest < 0 ? 0 : this.distance(farthest))) {
          farthest = position;
        }
      }
    }
    return farthest;
  }

  private nearerThanFarthest(
    held: ReadonlyMap<number, unknown>,
    most: number,
    position: number,
  ): boolean {
    const farthest = this.farthest(held, most);
    return farthest < 0 || this.distance(position) < this.distance(farthest);
  }

  private distance(position: number): number {
    const scene = this.last?.scene;
    if (scene === undefined) {
      return 0;
    }
    return Math.min(Math.abs(position - scene.a), Math.abs(position - scene.b));
  }

  private snapshot(resources: Resources, which: number): Snapshot {
    const { gl } = this.shared;
    while (resources.snapshots.length <= which) {
      const samples = this.buffer(gl.ARRAY_BUFFER, 8 * this.labels.length, gl.DYNAMIC_COPY);
      const land = this.texture(gl.LINEAR);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SNAPSHOT_LAND, SNAPSHOT_LAND);
      resources.snapshots.push({ samples, land });
    }
    return resources.snapshots[which] as Snapshot;
  }

  private build(): void {
    const { gl } = this.shared;
    const sample = `${HEADER}precision highp float;\nprecision highp int;\n${sampleChunk}`;
    const resources: Resources = {
      points: this.program(sample + pointsVert, HEADER + pointsFrag),
      territory: this.program(HEADER + territoryVert, HEADER + territoryFrag),
      keep: this.program(sample + snapshotVert, HEADER + noneFrag, [
        "packedPosition",
        "packedLook",
      ]),
      vertices: gl.createVertexArray(),
      feedback: gl.createTransformFeedback(),
      framebuffer: gl.createFramebuffer(),
      labels: this.buffer(
        gl.ARRAY_BUFFER,
        Uint16Array.from(this.labels, (label) => (label < 0 ? NO_LABEL : label)),
        gl.STATIC_DRAW,
      ),
      states: gl.createBuffer(),
      selected: gl.createBuffer(),
      palette: this.texture(gl.NEAREST),
      unpainted: this.cells(Uint16Array.of(UNPAINTED, 0), 1),
      frames: new Map(),
      territories: new Map(),
      snapshots: [],
    };
    gl.bindVertexArray(resources.vertices);
    for (let location = 0; location < 7; location++) {
      gl.enableVertexAttribArray(location);
    }
    gl.bindVertexArray(null);
    this.resources = resources;
    this.uploadStates(resources);
    if (this.look !== null) {
      this.uploadPalette(resources, this.look);
    }
  }

  private uploadStates({ states, selected, vertices }: Resources): void {
    const { gl } = this.shared;
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, states);
    gl.bufferData(gl.ARRAY_BUFFER, this.states, gl.DYNAMIC_DRAW);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
    gl.bindVertexArray(vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, selected);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.selected, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
  }

  private uploadPalette({ palette }: Resources, { classes }: Look): void {
    const { gl } = this.shared;
    const rows = Math.max(1, Math.ceil(classes.length / 256));
    const pixels = new Uint8Array(rows * 256 * 4).fill(255);
    classes.forEach((color, i) => {
      pixels.set(color, 4 * i);
    });
    gl.bindTexture(gl.TEXTURE_2D, palette);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  }

  private cells(cells: Uint16Array, resolution: number): WebGLTexture {
    const { gl } = this.shared;
    const texture = this.texture(gl.NEAREST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.texImage2D(
      gl.TEXTURE_2D,
      0,
      gl.RG16UI,
      resolution,
      resolution,
      0,
      gl.RG_INTEGER,
      gl.UNSIGNED_SHORT,
      cells,
    );
    return texture;
  }

  private texture(filter: number): WebGLTexture {
    const { gl } = this.shared;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  private buffer(target: number, data: ArrayBufferView | number, usage: number): WebGLBuffer {
    const { gl } = this.shared;
    const buffer = gl.createBuffer();
    gl.bindVertexArray(null);
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, data as ArrayBufferView<ArrayBuffer>, usage);
    gl.bindBuffer(target, null);
    return buffer;
  }

  private program(vertex: string, fragment: string, varyings?: string[]): Program {
    const { gl } = this.shared;
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(type) as WebGLShader;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      gl.deleteShader(shader);
    }
    if (varyings !== undefined) {
      gl.transformFeedbackVaryings(program, varyings, gl.INTERLEAVED_ATTRIBS);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const logs = (gl.getAttachedShaders(program) ?? []).map((s) => gl.getShaderInfoLog(s));
      throw new Error(
        `A shader does not build: ${gl.getProgramInfoLog(program)} ${logs.join(" ")}`,
      );
    }
    const uniforms = new Map<string, WebGLUniformLocation>();
    const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) as number;
    for (let i = 0; i < count; i++) {
      const name = gl.getActiveUniform(program, i)?.name ?? "";
      const location = gl.getUniformLocation(program, name);
      if (location !== null) {
        uniforms.set(name, location);
      }
    }
    return { program, uniforms };
  }
}

function at(uniforms: Program["uniforms"], name: string): WebGLUniformLocation | null {
  return uniforms.get(name) ?? null;
}

function unit([r, g, b]: Rgb): [number, number, number] {
  return [r / 255, g / 255, b / 255];
}
