// Everything else on the GPU: programs, the samples' attributes, the palette, lines and snapshots.
import { LINE_BYTES, type Lines, NO_LINES } from "../lines";
import { createBuffer, createProgram, fillBuffer, fillTexture, type Program } from "./calls";
import type { Look, View } from "./scene";
import linesFrag from "./shaders/lines.frag.glsl";
import linesVert from "./shaders/lines.vert.glsl";
import noneFrag from "./shaders/none.frag.glsl";
import pointsFrag from "./shaders/points.frag.glsl";
import pointsVert from "./shaders/points.vert.glsl";
import sampleChunk from "./shaders/sample.glsl";
import snapshotVert from "./shaders/snapshot.vert.glsl";
import territoryFrag from "./shaders/territory.frag.glsl";
import territoryVert from "./shaders/territory.vert.glsl";

/** The label of samples without one, in the shaders. */
const NO_LABEL = 0xffff;
/** Locations of the attributes in sample.glsl. */
export const ATTRIBUTE = {
  positionA: 0,
  positionB: 1,
  positionS: 2,
  predictionA: 3,
  predictionB: 4,
  label: 5,
  state: 6,
  lookS: 7,
  colorA: 8,
  colorB: 9,
  sizeA: 10,
  sizeB: 11,
} as const;

export interface GpuLines {
  buffer: WebGLBuffer;
  vertices: WebGLVertexArrayObject;
  count: number;
}

/** A picture kept as the start of a glide: position and look of every sample, and the territories as they were seen. */
export interface Snapshot {
  samples: WebGLBuffer;
  land: WebGLTexture;
  view: View;
}

/** What the samples look like besides their epochs; kept outside the GPU for a context that was lost. */
export interface Content {
  labels: Int32Array;
  /** A byte per sample: bit 0 selected, bit 1 faded by the filter, bit 2 of the test split. */
  states: Uint8Array;
  selected: Uint32Array;
  /** Samples that stay as clear as the selected ones. */
  neighbors: Uint32Array;
  trails: Lines;
  links: Lines;
  look: Look | null;
}

export class Resources {
  readonly points: Program;
  readonly territory: Program;
  readonly keep: Program;
  readonly lines: Program;
  readonly trails: GpuLines;
  readonly links: GpuLines;
  readonly vertices: WebGLVertexArrayObject;
  readonly feedback: WebGLTransformFeedback;
  readonly framebuffer: WebGLFramebuffer;
  readonly labels: WebGLBuffer;
  readonly states: WebGLBuffer;
  readonly selected: WebGLBuffer;
  readonly neighbors: WebGLBuffer;
  readonly palette: WebGLTexture;
  readonly scale: WebGLTexture;
  /** Two, so that a glide can start from the middle of another. */
  readonly snapshots: Snapshot[] = [];

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly content: Content,
  ) {
    this.points = createProgram(gl, sampleChunk + pointsVert, pointsFrag);
    this.territory = createProgram(gl, territoryVert, territoryFrag);
    this.keep = createProgram(gl, sampleChunk + snapshotVert, noneFrag, [
      "packedPosition",
      "packedLook",
    ]);
    this.lines = createProgram(gl, linesVert, linesFrag);
    this.trails = createLines(gl);
    this.links = createLines(gl);
    this.vertices = gl.createVertexArray();
    this.feedback = gl.createTransformFeedback();
    this.framebuffer = gl.createFramebuffer();
    this.labels = createBuffer(
      gl,
      Uint16Array.from(content.labels, (label) => (label < 0 ? NO_LABEL : label)),
    );
    this.states = gl.createBuffer();
    this.selected = gl.createBuffer();
    this.neighbors = gl.createBuffer();
    this.palette = gl.createTexture();
    this.scale = gl.createTexture();
    gl.bindVertexArray(this.vertices);
    for (let location = 0; location < ATTRIBUTE.lookS; location++) {
      gl.enableVertexAttribArray(location);
    }
    gl.bindVertexArray(null);
    this.uploadStates();
    this.uploadLines("trails");
    this.uploadLines("links");
    this.uploadPalette();
  }

  uploadLines(which: "trails" | "links"): void {
    const { data, count } = this.content[which];
    fillBuffer(this.gl, this[which].buffer, new Uint8Array(data), this.gl.DYNAMIC_DRAW);
    this[which].count = count;
  }

  uploadStates(): void {
    const { gl, content } = this;
    fillBuffer(gl, this.states, content.states, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(this.vertices);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.neighbors);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, content.neighbors, gl.DYNAMIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.selected);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, content.selected, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
  }

  uploadPalette(): void {
    const { classes, scale } = this.content.look ?? { classes: [], scale: [] };
    for (const [texture, colors] of [
      [this.palette, classes],
      [this.scale, scale],
    ] as const) {
      const rows = Math.max(1, Math.ceil(colors.length / 256));
      const pixels = new Uint8Array(rows * 256 * 4).fill(255);
      colors.forEach((color, i) => {
        pixels.set(color, 4 * i);
      });
      fillTexture(this.gl, texture, "color", 256, rows, pixels);
    }
  }

  /** The snapshot that a glide is about to start from; made when it is first used. */
  snapshot(which: 0 | 1, view: View): Snapshot {
    const { gl } = this;
    this.snapshots[which] ??= {
      samples: createBuffer(gl, 8 * this.content.labels.length, gl.DYNAMIC_COPY),
      land: gl.createTexture(),
      view,
    };
    return this.snapshots[which];
  }

  dispose(): void {
    const { gl } = this;
    for (const { program } of [this.points, this.territory, this.keep, this.lines]) {
      gl.deleteProgram(program);
    }
    for (const { buffer, vertices } of [this.trails, this.links]) {
      gl.deleteBuffer(buffer);
      gl.deleteVertexArray(vertices);
    }
    for (const { samples, land } of this.snapshots) {
      gl.deleteBuffer(samples);
      gl.deleteTexture(land);
    }
    for (const buffer of [this.labels, this.states, this.selected, this.neighbors]) {
      gl.deleteBuffer(buffer);
    }
    gl.deleteTexture(this.palette);
    gl.deleteTexture(this.scale);
    gl.deleteVertexArray(this.vertices);
    gl.deleteTransformFeedback(this.feedback);
    gl.deleteFramebuffer(this.framebuffer);
  }
}

export function emptyContent(labels: Int32Array): Content {
  return {
    labels,
    states: new Uint8Array(labels.length),
    selected: new Uint32Array(0),
    neighbors: new Uint32Array(0),
    trails: NO_LINES,
    links: NO_LINES,
    look: null,
  };
}

/** An instance per piece of line, laid out as `lines.ts` packs it. */
function createLines(gl: WebGL2RenderingContext): GpuLines {
  const buffer = gl.createBuffer();
  const vertices = gl.createVertexArray();
  gl.bindVertexArray(vertices);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  // Times are plain numbers; all else are shares of the largest value.
  const layout = [
    { size: 4, type: gl.UNSIGNED_SHORT, normalized: true, offset: 0 },
    { size: 4, type: gl.UNSIGNED_SHORT, normalized: true, offset: 8 },
    { size: 2, type: gl.UNSIGNED_SHORT, normalized: false, offset: 16 },
    { size: 4, type: gl.UNSIGNED_BYTE, normalized: true, offset: 20 },
  ];
  layout.forEach(({ size, type, normalized, offset }, location) => {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, type, normalized, LINE_BYTES, offset);
    gl.vertexAttribDivisor(location, 1);
  });
  gl.bindVertexArray(null);
  return { buffer, vertices, count: 0 };
}
