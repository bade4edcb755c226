// Draws one landscape with WebGL2: territories and points of two epochs, blended by one number on the GPU.
import type { Frame, Territory } from "../../protocol/source";
import { UNPAINTED } from "../../protocol/source";
import type { Rgb } from "../../state/colors";
import type { Field } from "../../state/density";
import { LINE_BYTES, type Lines } from "../lines";
import {
  bindTextures,
  createBuffer,
  createProgram,
  createTexture,
  fillBuffer,
  fillTexture,
  type Program,
  setUniform,
  type UniformValue,
  useProgram,
} from "./calls";
import {
  type ContextUser,
  leaveContext,
  reserve,
  type SharedContext,
  sharedContext,
} from "./context";
import linesFrag from "./shaders/lines.frag.glsl";
import linesVert from "./shaders/lines.vert.glsl";
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

/** Takes positions in the extent to clip space: scale x, y, offset x, y. */
export type View = readonly [number, number, number, number];

/** One picture: which epochs, how blended, seen from where. */
export interface Scene {
  a: number;
  b: number;
  blend: number;
  /** From the snapshot (0) to the blend of `a` and `b` (1). */
  arrival: number;
  view: View;
  /** Device pixels. */
  width: number;
  height: number;
  ratio: number;
  /** Radius of a point in device pixels. */
  radius: number;
  opacity: number;
  /** How much points in foreign territory stand out, 0 to 1. */
  emphasis: number;
  /** How much the selected are ringed, 0 to 1. */
  ringing: number;
  colorBy: 0 | 1 | 2;
  /** Samples ringed above all others, the uppermost last. */
  raised: readonly number[];
  /** What lies on the territories: nothing, confidence, trust, density. */
  overlay: 0 | 1 | 2 | 3;
  /** Whether samples that are neither selected nor raised are drawn. */
  points: boolean;
  /** How far trails have come, as a position in time. */
  time: number;
}

export interface Epochs {
  frame(position: number): Frame | undefined;
  territory(position: number): Territory | undefined;
  /** What the overlay draws at a position, if it is one that has a value per place. */
  field(position: number): Field | undefined;
}

interface GpuFrame {
  /** What it was uploaded from, which the window may let go. */
  frame: WeakRef<Frame>;
  positions: WebGLBuffer;
  predictions: WebGLBuffer;
  predictionType: number;
}

interface GpuLines {
  buffer: WebGLBuffer;
  vertices: WebGLVertexArrayObject;
  count: number;
}

interface GpuTerritory {
  territory: Territory | null;
  cells: WebGLTexture;
  shade: WebGLTexture;
}

/** The GPU's side of a scene. */
interface Drawn {
  scene: Scene;
  a: GpuFrame;
  b: GpuFrame;
  landA: GpuTerritory;
  landB: GpuTerritory;
  fieldA: WebGLTexture;
  fieldB: WebGLTexture;
}

/** A picture kept as where a glide starts: position and look of every sample, and the territories as they were seen. */
interface Snapshot {
  samples: WebGLBuffer;
  land: WebGLTexture;
  view: View;
}

interface Resources {
  points: Program;
  territory: Program;
  keep: Program;
  lines: Program;
  trails: GpuLines;
  links: GpuLines;
  vertices: WebGLVertexArrayObject;
  feedback: WebGLTransformFeedback;
  framebuffer: WebGLFramebuffer;
  labels: WebGLBuffer;
  states: WebGLBuffer;
  selected: WebGLBuffer;
  neighbors: WebGLBuffer;
  palette: WebGLTexture;
  unpainted: GpuTerritory;
  frames: Map<number, GpuFrame>;
  territories: Map<number, GpuTerritory>;
  fields: Map<number, { field: Field; texture: WebGLTexture }>;
  /** Two, so that a glide can start from the middle of another. */
  snapshots: Snapshot[];
}

const NO_LABEL = 0xffff;
/** How far the picture goes beyond the extent before it has faded away, in parts of the extent. */
const MARGIN = 0.05;
const FRAME_BUDGET = 256e6;
const MOST_FRAMES = 128;
const MOST_TERRITORIES = 64;
const MOST_FIELDS = 8;
/** Over how many epochs a trail fades away. */
const TRAIL_EPOCHS = 10;
const NO_LINES: Lines = { data: new ArrayBuffer(0), count: 0 };
const PASS = { all: 0, ordinary: 1, foreign: 2, selected: 3, raised: 4 } as const;
/** The places of the attributes in sample.glsl. */
const ATTRIBUTE = {
  positionA: 0,
  positionB: 1,
  positionS: 2,
  predictionA: 3,
  predictionB: 4,
  label: 5,
  state: 6,
  lookS: 7,
} as const;

export class Renderer implements ContextUser {
  /** Called when the context came back and everything must be drawn again. */
  onRestored: () => void = () => {};
  private readonly gl: WebGL2RenderingContext;
  private resources: Resources | null = null;
  private selected: Uint32Array = new Uint32Array(0);
  private states: Uint8Array;
  private neighbors: Uint32Array = new Uint32Array(0);
  private lines = { trails: NO_LINES, links: NO_LINES };
  private look: Look | null = null;
  /** Which of the snapshots the glide under way started from; -1 before the first. */
  private current = -1;
  private last: Drawn | null = null;
  private readonly mostFrames: number;

  /** Draws onto a canvas in the page; null where the browser has no WebGL2. */
  static create(canvas: HTMLCanvasElement, labels: Int32Array, epochs: Epochs): Renderer | null {
    const shared = sharedContext();
    const output = canvas.getContext("2d");
    return shared === null || output === null ? null : new Renderer(shared, output, labels, epochs);
  }

  private constructor(
    private readonly shared: SharedContext,
    private readonly output: CanvasRenderingContext2D,
    private readonly labels: Int32Array,
    private readonly epochs: Epochs,
  ) {
    this.gl = shared.gl;
    shared.users.add(this);
    this.states = new Uint8Array(labels.length);
    const frameBytes = 6 * Math.max(1, labels.length);
    this.mostFrames = Math.min(MOST_FRAMES, Math.max(4, Math.floor(FRAME_BUDGET / frameBytes)));
    this.build();
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

  /** Ways and ties of some samples; `NO_LINES` for none. */
  setLines(which: "trails" | "links", lines: Lines | null): void {
    this.lines[which] = lines ?? NO_LINES;
    if (this.resources !== null) {
      this.uploadLines(this.resources, which);
    }
  }

  /** Samples that stay as clear as the selected ones. */
  setNeighbors(neighbors: Uint32Array): void {
    this.neighbors = neighbors;
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
      resources.frames.get(position)?.frame.deref() !== frame &&
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

  /** Draw, and copy what was drawn to a canvas in the same task. False where nothing could be drawn. */
  draw(scene: Scene, output: CanvasRenderingContext2D = this.output): boolean {
    const { resources, look, shared, gl } = this;
    if (resources === null || look === null || gl.isContextLost()) {
      return false;
    }
    const drawn = this.resolve(resources, scene);
    if (drawn === null) {
      return false;
    }
    const { width, height } = scene;
    reserve(shared, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, shared.canvas.height - height, width, height);
    this.drawLand(resources, look, drawn);
    this.drawPoints(resources, look, drawn);
    const { canvas } = output;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    output.drawImage(shared.canvas, 0, 0, width, height, 0, 0, width, height);
    this.last = drawn;
    return true;
  }

  /** Keep the picture last drawn as where the next glide starts; false where there is none. */
  keep(): boolean {
    const { resources, last, look, gl } = this;
    if (resources === null || last === null || look === null || gl.isContextLost()) {
      return false;
    }
    const target = this.current === 0 ? 1 : 0;
    const { width, height, view } = last.scene;
    resources.snapshots[target] ??= {
      samples: createBuffer(gl, 8 * this.labels.length, gl.DYNAMIC_COPY),
      land: gl.createTexture(),
      view,
    };
    const snapshot = resources.snapshots[target];
    fillTexture(gl, snapshot.land, "smooth", width, height, null);

    gl.bindFramebuffer(gl.FRAMEBUFFER, resources.framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, snapshot.land, 0);
    gl.viewport(0, 0, width, height);
    this.drawLand(resources, look, last);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);

    this.useSamples(resources, resources.keep, look, last, {});
    gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, resources.feedback);
    gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, snapshot.samples);
    gl.enable(gl.RASTERIZER_DISCARD);
    gl.beginTransformFeedback(gl.POINTS);
    gl.drawArrays(gl.POINTS, 0, this.labels.length);
    gl.endTransformFeedback();
    gl.disable(gl.RASTERIZER_DISCARD);
    gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, null);
    gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, null);
    gl.bindVertexArray(null);
    snapshot.view = view;
    this.current = target;
    return true;
  }

  /** Give back everything on the GPU, and the place in the shared context. */
  dispose(): void {
    const { resources, gl } = this;
    if (resources !== null && !gl.isContextLost()) {
      const { points, territory, keep, lines, frames, territories, snapshots, unpainted } =
        resources;
      for (const { program } of [points, territory, keep, lines]) {
        gl.deleteProgram(program);
      }
      for (const { buffer, vertices } of [resources.trails, resources.links]) {
        gl.deleteBuffer(buffer);
        gl.deleteVertexArray(vertices);
      }
      for (const { texture } of resources.fields.values()) {
        gl.deleteTexture(texture);
      }
      for (const frame of frames.values()) {
        this.freeFrame(frame);
      }
      for (const land of [unpainted, ...territories.values()]) {
        this.freeTerritory(land);
      }
      for (const { samples, land } of snapshots) {
        gl.deleteBuffer(samples);
        gl.deleteTexture(land);
      }
      for (const buffer of [
        resources.labels,
        resources.states,
        resources.selected,
        resources.neighbors,
      ]) {
        gl.deleteBuffer(buffer);
      }
      gl.deleteTexture(resources.palette);
      gl.deleteVertexArray(resources.vertices);
      gl.deleteTransformFeedback(resources.feedback);
      gl.deleteFramebuffer(resources.framebuffer);
    }
    this.resources = null;
    leaveContext(this.shared, this);
  }

  private drawLand(resources: Resources, look: Look, drawn: Drawn): void {
    const { gl } = this;
    const { scene, landA, landB, fieldA, fieldB } = drawn;
    const background = unit(look.background);
    gl.disable(gl.BLEND);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const snapshot = resources.snapshots[this.current];
    useProgram(gl, resources.territory, {
      blend: scene.blend,
      arrival: snapshot === undefined ? 1 : scene.arrival,
      view: scene.view,
      snapshotView: snapshot?.view ?? scene.view,
      background,
      strength: look.strength,
      margin: MARGIN,
      overlay: scene.overlay,
      size: [scene.width, scene.height],
      ink: unit(look.ink),
      ratio: scene.ratio,
    });
    bindTextures(gl, resources.territory, {
      palette: resources.palette,
      territoryA: landA.cells,
      territoryB: landB.cells,
      shadeA: landA.shade,
      shadeB: landB.shade,
      fieldA,
      fieldB,
      snapshot: snapshot?.land ?? resources.palette,
    });
    gl.bindVertexArray(null);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private drawPoints(resources: Resources, look: Look, drawn: Drawn): void {
    const { gl } = this;
    const { scene } = drawn;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const use = (): void => this.usePoints(resources, look, drawn);
    use();
    const pass = resources.points.uniforms.get("pass");
    // Points in foreign territory lie above the others, except where points are only a texture.
    const ordinary = scene.emphasis > 0 ? [PASS.ordinary, PASS.foreign] : [PASS.all];
    for (const which of scene.points ? ordinary : []) {
      setUniform(gl, pass, which);
      gl.drawArrays(gl.POINTS, 0, this.labels.length);
    }
    if (this.lines.trails.count + this.lines.links.count > 0) {
      this.drawLines(resources, scene);
      use();
    }
    setUniform(gl, pass, PASS.selected);
    if (this.neighbors.length > 0) {
      setUniform(gl, resources.points.uniforms.get("ringing"), 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.neighbors);
      gl.drawElements(gl.POINTS, this.neighbors.length, gl.UNSIGNED_INT, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.selected);
      setUniform(gl, resources.points.uniforms.get("ringing"), scene.ringing);
    }
    if (this.selected.length > 0) {
      gl.drawElements(gl.POINTS, this.selected.length, gl.UNSIGNED_INT, 0);
    }
    setUniform(gl, pass, PASS.raised);
    for (const sample of scene.raised) {
      gl.drawArrays(gl.POINTS, sample, 1);
    }
    gl.bindVertexArray(null);
  }

  private usePoints(resources: Resources, look: Look, drawn: Drawn): void {
    const { scene } = drawn;
    this.useSamples(resources, resources.points, look, drawn, {
      view: scene.view,
      radius: scene.radius,
      ratio: scene.ratio,
      opacity: scene.opacity,
      emphasis: scene.emphasis,
      ringing: scene.ringing,
      selecting: this.selected.length > 0 ? 1 : 0,
      background: unit(look.background),
      ink: unit(look.ink),
    });
  }

  private drawLines({ lines, trails, links }: Resources, scene: Scene): void {
    const { gl } = this;
    const many = Math.min(1, Math.max(0, trails.count / 4000));
    for (const { vertices, count } of [trails, links]) {
      const isTrail = vertices === trails.vertices;
      useProgram(gl, lines, {
        view: scene.view,
        size: [scene.width, scene.height],
        width: (isTrail ? 2.2 - 0.8 * many : 1) * scene.ratio,
        blend: isTrail ? 0 : scene.blend,
        time: scene.time,
        reach: isTrail ? TRAIL_EPOCHS : 0,
        // Links know where their ends go, not where a glide started.
        strength: isTrail ? 0.9 - 0.3 * many : 0.6 * scene.arrival,
      });
      gl.bindVertexArray(vertices);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    }
  }

  /** Everything that sample.glsl reads, and the uniforms of the pass itself. */
  private useSamples(
    resources: Resources,
    program: Program,
    look: Look,
    { scene, a, b, landA, landB }: Drawn,
    uniforms: Readonly<Record<string, UniformValue>>,
  ): void {
    const { gl } = this;
    const snapshot = resources.snapshots[this.current];
    useProgram(gl, program, {
      blend: scene.blend,
      arrival: snapshot === undefined ? 1 : scene.arrival,
      colorBy: scene.colorBy,
      unlabelled: unit(look.unlabelled),
      right: unit(look.right),
      wrong: unit(look.wrong),
      ...uniforms,
    });
    bindTextures(gl, program, {
      palette: resources.palette,
      territoryA: landA.cells,
      territoryB: landB.cells,
    });
    gl.bindVertexArray(resources.vertices);
    const reals = (
      place: number,
      buffer: WebGLBuffer,
      count: number,
      type: number,
      stride: number,
      from: number,
    ): void => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(place, count, type, true, stride, from);
    };
    const integers = (place: number, buffer: WebGLBuffer, type: number): void => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribIPointer(place, 1, type, 0, 0);
    };
    reals(ATTRIBUTE.positionA, a.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
    reals(ATTRIBUTE.positionB, b.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
    if (snapshot === undefined) {
      reals(ATTRIBUTE.positionS, a.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
      gl.disableVertexAttribArray(ATTRIBUTE.lookS);
    } else {
      reals(ATTRIBUTE.positionS, snapshot.samples, 2, gl.UNSIGNED_SHORT, 8, 0);
      reals(ATTRIBUTE.lookS, snapshot.samples, 4, gl.UNSIGNED_BYTE, 8, 4);
      gl.enableVertexAttribArray(ATTRIBUTE.lookS);
    }
    integers(ATTRIBUTE.predictionA, a.predictions, a.predictionType);
    integers(ATTRIBUTE.predictionB, b.predictions, b.predictionType);
    integers(ATTRIBUTE.label, resources.labels, gl.UNSIGNED_SHORT);
    integers(ATTRIBUTE.state, resources.states, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
  }

  /** Null where an epoch of the scene is neither here nor on the GPU. */
  private resolve(resources: Resources, scene: Scene): Drawn | null {
    const a = this.gpuFrame(resources, scene.a);
    const b = scene.b === scene.a ? a : this.gpuFrame(resources, scene.b);
    if (a === null || b === null) {
      return null;
    }
    const landA = this.gpuTerritory(resources, scene.a);
    const landB = scene.b === scene.a ? landA : this.gpuTerritory(resources, scene.b);
    const fieldA = this.gpuField(resources, scene.a) ?? this.gpuField(resources, scene.b);
    const fieldB = this.gpuField(resources, scene.b) ?? fieldA;
    const none = resources.unpainted.shade;
    return { scene, a, b, landA, landB, fieldA: fieldA ?? none, fieldB: fieldB ?? none };
  }

  /** The epoch's buffers, uploaded once. */
  private gpuFrame(resources: Resources, position: number): GpuFrame | null {
    const { gl } = this;
    const { frames } = resources;
    const frame = this.epochs.frame(position);
    const known = frames.get(position);
    // What the window let go but the GPU still has is as good.
    if (known !== undefined && (frame === undefined || known.frame.deref() === frame)) {
      return known;
    }
    if (frame === undefined) {
      return null;
    }
    const place = known === undefined ? this.farthest(frames, this.mostFrames) : position;
    const old = frames.get(place);
    if (old !== undefined) {
      this.freeFrame(old);
      frames.delete(place);
    }
    const bytes = frame.predictions instanceof Uint8Array;
    const entry: GpuFrame = {
      frame: new WeakRef(frame),
      positions: createBuffer(gl, frame.positions),
      predictions: createBuffer(gl, frame.predictions),
      predictionType: bytes ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT,
    };
    frames.set(position, entry);
    return entry;
  }

  private gpuTerritory(resources: Resources, position: number): GpuTerritory {
    const { territories } = resources;
    const territory = this.epochs.territory(position);
    const known = territories.get(position);
    if (known !== undefined && (territory === undefined || known.territory === territory)) {
      return known;
    }
    if (territory === undefined) {
      return resources.unpainted;
    }
    const place = known === undefined ? this.farthest(territories, MOST_TERRITORIES) : position;
    const old = territories.get(place);
    if (old !== undefined) {
      this.freeTerritory(old);
      territories.delete(place);
    }
    const entry = this.uploadTerritory(territory);
    territories.set(position, entry);
    return entry;
  }

  private gpuField({ fields }: Resources, position: number): WebGLTexture | null {
    const field = this.epochs.field(position);
    const known = fields.get(position);
    if (field === undefined || known?.field === field) {
      return field === undefined ? null : (known?.texture ?? null);
    }
    const oldest = fields.keys().next().value;
    const place = known === undefined && fields.size >= MOST_FIELDS ? oldest : position;
    if (place !== undefined) {
      this.gl.deleteTexture(fields.get(place)?.texture ?? null);
      fields.delete(place);
    }
    const texture = createTexture(this.gl, "shade", field.side, field.side, field.values);
    fields.set(position, { field, texture });
    return texture;
  }

  private freeFrame({ positions, predictions }: GpuFrame): void {
    this.gl.deleteBuffer(positions);
    this.gl.deleteBuffer(predictions);
  }

  private freeTerritory({ cells, shade }: GpuTerritory): void {
    this.gl.deleteTexture(cells);
    this.gl.deleteTexture(shade);
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

  private build(): void {
    const { gl } = this;
    const { labels } = this;
    const labelClasses = Uint16Array.from(labels, (label) => (label < 0 ? NO_LABEL : label));
    const resources: Resources = {
      points: createProgram(gl, sampleChunk + pointsVert, pointsFrag),
      territory: createProgram(gl, territoryVert, territoryFrag),
      keep: createProgram(gl, sampleChunk + snapshotVert, noneFrag, [
        "packedPosition",
        "packedLook",
      ]),
      lines: createProgram(gl, linesVert, linesFrag),
      trails: this.createLines(),
      links: this.createLines(),
      vertices: gl.createVertexArray(),
      feedback: gl.createTransformFeedback(),
      framebuffer: gl.createFramebuffer(),
      labels: createBuffer(gl, labelClasses),
      states: gl.createBuffer(),
      selected: gl.createBuffer(),
      neighbors: gl.createBuffer(),
      palette: gl.createTexture(),
      unpainted: {
        territory: null,
        cells: createTexture(gl, "cells", 1, 1, Uint16Array.of(UNPAINTED, 0)),
        shade: createTexture(gl, "shade", 1, 1, Uint8Array.of(0)),
      },
      frames: new Map(),
      territories: new Map(),
      fields: new Map(),
      snapshots: [],
    };
    gl.bindVertexArray(resources.vertices);
    for (let place = 0; place < ATTRIBUTE.lookS; place++) {
      gl.enableVertexAttribArray(place);
    }
    gl.bindVertexArray(null);
    this.resources = resources;
    this.uploadStates(resources);
    this.uploadLines(resources, "trails");
    this.uploadLines(resources, "links");
    if (this.look !== null) {
      this.uploadPalette(resources, this.look);
    }
  }

  private createLines(): GpuLines {
    const { gl } = this;
    const buffer = gl.createBuffer();
    const vertices = gl.createVertexArray();
    gl.bindVertexArray(vertices);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    [
      [4, gl.UNSIGNED_SHORT, 0],
      [4, gl.UNSIGNED_SHORT, 8],
      [2, gl.UNSIGNED_SHORT, 16],
      [4, gl.UNSIGNED_BYTE, 20],
    ].forEach(([size, type, from], place) => {
      // Times are plain numbers, all else are parts of a whole.
      const whole = place !== 2;
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(
        place,
        size as number,
        type as number,
        whole,
        LINE_BYTES,
        from as number,
      );
      gl.vertexAttribDivisor(place, 1);
    });
    gl.bindVertexArray(null);
    return { buffer, vertices, count: 0 };
  }

  private uploadLines(resources: Resources, which: "trails" | "links"): void {
    const lines = resources[which];
    const { data, count } = this.lines[which];
    fillBuffer(this.gl, lines.buffer, new Uint8Array(data), this.gl.DYNAMIC_DRAW);
    lines.count = count;
  }

  private uploadStates({ states, selected, neighbors, vertices }: Resources): void {
    const { gl } = this;
    fillBuffer(gl, states, this.states, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, neighbors);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.neighbors, gl.DYNAMIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, selected);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.selected, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
  }

  private uploadPalette({ palette }: Resources, { classes }: Look): void {
    const rows = Math.max(1, Math.ceil(classes.length / 256));
    const pixels = new Uint8Array(rows * 256 * 4).fill(255);
    classes.forEach((color, i) => {
      pixels.set(color, 4 * i);
    });
    fillTexture(this.gl, palette, "color", 256, rows, pixels);
  }

  private uploadTerritory(territory: Territory): GpuTerritory {
    const { resolution: side, cells, shade } = territory;
    return {
      territory,
      cells: createTexture(this.gl, "cells", side, side, cells),
      shade: createTexture(this.gl, "shade", side, side, shade),
    };
  }
}

function unit([r, g, b]: Rgb): [number, number, number] {
  return [r / 255, g / 255, b / 255];
}
