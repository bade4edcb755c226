// Draws one landscape with WebGL2: territories and points of two epochs, blended by one number on the GPU.
import type { Rgb } from "../../state/colors";
import { MISSING } from "../../state/columns";
import { type Lines, NO_LINES } from "../lines";
import {
  bindTextures,
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
import { type DrawnEpochs, GpuEpochs } from "./epochs";
import { ATTRIBUTE, type Content, emptyContent, Resources } from "./resources";
import type { Epochs, Look, Scene } from "./scene";

/** A scene with its epochs on the GPU. */
interface Drawn extends DrawnEpochs {
  scene: Scene;
}

/** All that lies on the GPU while there is a context. */
interface Gpu {
  resources: Resources;
  epochs: GpuEpochs;
}

/** Beyond the extent the picture fades away over this share of it. */
const MARGIN = 0.05;
/** Trails fade away over so many epochs. */
const TRAIL_EPOCHS = 10;
/** Passes over the points, as in points.vert.glsl. */
const PASS = { all: 0, ordinary: 1, foreign: 2, selected: 3, raised: 4 } as const;

export class Renderer implements ContextUser {
  /** Called when the context came back and everything must be drawn again. */
  onRestored: () => void = () => {};
  private readonly gl: WebGL2RenderingContext;
  private readonly content: Content;
  private gpu: Gpu | null = null;
  /** The snapshot that the glide under way started from; null before the first. */
  private current: 0 | 1 | null = null;
  private last: Drawn | null = null;

  /** Draws onto a canvas in the page; null where the browser has no WebGL2. */
  static create(canvas: HTMLCanvasElement, labels: Int32Array, epochs: Epochs): Renderer | null {
    const shared = sharedContext();
    const output = canvas.getContext("2d");
    return shared === null || output === null ? null : new Renderer(shared, output, labels, epochs);
  }

  private constructor(
    private readonly shared: SharedContext,
    private readonly output: CanvasRenderingContext2D,
    labels: Int32Array,
    private readonly epochs: Epochs,
  ) {
    this.gl = shared.gl;
    this.content = emptyContent(labels);
    shared.users.add(this);
    this.build();
  }

  lost(): void {
    this.gpu = null;
    this.current = null;
    this.last = null;
  }

  restored(): void {
    this.build();
    this.onRestored();
  }

  setLook(look: Look): void {
    this.content.look = look;
    this.gpu?.resources.uploadPalette();
  }

  /** Set a byte per sample (bit 0 selected, bit 1 faded by a filter, bit 2 of the test split), and the selected samples as indices. */
  setStates(states: Uint8Array, selected: Uint32Array): void {
    this.content.states = states;
    this.content.selected = selected;
    this.gpu?.resources.uploadStates();
  }

  setLines(which: "trails" | "links", lines: Lines | null): void {
    this.content[which] = lines ?? NO_LINES;
    this.gpu?.resources.uploadLines(which);
  }

  /** Set the samples that stay as clear as the selected ones. */
  setNeighbors(neighbors: Uint32Array): void {
    this.content.neighbors = neighbors;
    this.gpu?.resources.uploadStates();
  }

  /** Upload one part of an epoch ahead of time. Returns whether there was anything to do. */
  prepare(position: number): boolean {
    return this.gpu?.epochs.prepare(position) ?? false;
  }

  /** Draw, and copy the picture to a canvas in the same task. Returns whether anything could be drawn. */
  draw(scene: Scene, output: CanvasRenderingContext2D = this.output): boolean {
    const { gpu, shared, gl } = this;
    const { look } = this.content;
    if (gpu === null || look === null || gl.isContextLost()) {
      return false;
    }
    const epochs = gpu.epochs.draw(scene);
    if (epochs === null) {
      return false;
    }
    const drawn = { scene, ...epochs };
    const { width, height } = scene;
    reserve(shared, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, shared.canvas.height - height, width, height);
    this.drawLand(gpu.resources, look, drawn);
    this.drawPoints(gpu.resources, look, drawn);
    const { canvas } = output;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    output.drawImage(shared.canvas, 0, 0, width, height, 0, 0, width, height);
    this.last = drawn;
    return true;
  }

  /** Keep the picture last drawn as the start of the next glide. Returns whether there is one. */
  keep(): boolean {
    const { gpu, last, gl } = this;
    const { look, labels } = this.content;
    if (gpu === null || last === null || look === null || gl.isContextLost()) {
      return false;
    }
    const { resources } = gpu;
    const target = this.current === 0 ? 1 : 0;
    const { width, height, view } = last.scene;
    const snapshot = resources.snapshot(target, view);
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
    gl.drawArrays(gl.POINTS, 0, labels.length);
    gl.endTransformFeedback();
    gl.disable(gl.RASTERIZER_DISCARD);
    gl.bindBufferBase(gl.TRANSFORM_FEEDBACK_BUFFER, 0, null);
    gl.bindTransformFeedback(gl.TRANSFORM_FEEDBACK, null);
    gl.bindVertexArray(null);
    snapshot.view = view;
    this.current = target;
    return true;
  }

  /** Give back everything on the GPU, and the share in the context. */
  dispose(): void {
    if (this.gpu !== null && !this.gl.isContextLost()) {
      this.gpu.resources.dispose();
      this.gpu.epochs.dispose();
    }
    this.gpu = null;
    leaveContext(this.shared, this);
  }

  private build(): void {
    this.gpu = {
      resources: new Resources(this.gl, this.content),
      epochs: new GpuEpochs(this.gl, this.epochs, this.content.labels.length),
    };
  }

  private snapshotOf({ snapshots }: Resources) {
    return this.current === null ? undefined : snapshots[this.current];
  }

  private drawLand(resources: Resources, look: Look, drawn: Drawn): void {
    const { gl } = this;
    const { scene, a, b, landA, landB, fieldA, fieldB } = drawn;
    const background = unit(look.background);
    gl.disable(gl.BLEND);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const snapshot = this.snapshotOf(resources);
    useProgram(gl, resources.territory, {
      blend: scene.blend,
      arrival: snapshot === undefined ? 1 : scene.arrival,
      view: scene.view,
      snapshotView: snapshot?.view ?? scene.view,
      background,
      strength: look.strength,
      delta: scene.delta,
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
      supportA: a.support,
      supportB: b.support,
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
    const { labels, neighbors, selected, trails, links } = this.content;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const use = (): void => this.usePoints(resources, look, drawn);
    use();
    const pass = resources.points.uniforms.get("pass");
    const ringing = resources.points.uniforms.get("ringing");
    // Points in foreign territory lie above the others, except where points are only a texture.
    const ordinary = scene.emphasis > 0 ? [PASS.ordinary, PASS.foreign] : [PASS.all];
    for (const which of scene.points ? ordinary : []) {
      setUniform(gl, pass, which);
      gl.drawArrays(gl.POINTS, 0, labels.length);
    }
    if (trails.count + links.count > 0) {
      this.drawLines(resources, scene);
      use();
    }
    setUniform(gl, pass, PASS.selected);
    if (neighbors.length > 0) {
      setUniform(gl, ringing, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.neighbors);
      gl.drawElements(gl.POINTS, neighbors.length, gl.UNSIGNED_INT, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.selected);
      setUniform(gl, ringing, scene.ringing);
    }
    if (selected.length > 0) {
      gl.drawElements(gl.POINTS, selected.length, gl.UNSIGNED_INT, 0);
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
      selecting: this.content.selected.length > 0 ? 1 : 0,
      background: unit(look.background),
      ink: unit(look.ink),
      rim: look.rim,
      sized: scene.sized ? 1 : 0,
    });
  }

  private drawLines({ lines, trails, links }: Resources, scene: Scene): void {
    const { gl } = this;
    for (const { vertices, count } of [trails, links]) {
      const isTrail = vertices === trails.vertices;
      useProgram(gl, lines, {
        view: scene.view,
        size: [scene.width, scene.height],
        width: (isTrail ? 2.2 : 1) * scene.ratio,
        blend: isTrail ? 0 : scene.blend,
        time: scene.time,
        reach: isTrail ? TRAIL_EPOCHS : 0,
        // Links know where their ends go, not where a glide started.
        strength: isTrail ? 0.9 : 0.6 * scene.arrival,
      });
      gl.bindVertexArray(vertices);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    }
  }

  /** Bind everything that sample.glsl reads, and the uniforms of the pass itself. */
  private useSamples(
    resources: Resources,
    program: Program,
    look: Look,
    { scene, a, b, landA, landB, ...columns }: Drawn,
    uniforms: Readonly<Record<string, UniformValue>>,
  ): void {
    const { gl } = this;
    const snapshot = this.snapshotOf(resources);
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
      scale: resources.scale,
      territoryA: landA.cells,
      territoryB: landB.cells,
    });
    gl.bindVertexArray(resources.vertices);
    const shares = (
      location: number,
      buffer: WebGLBuffer,
      count: number,
      type: number,
      stride: number,
      offset: number,
    ): void => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(location, count, type, true, stride, offset);
    };
    const integers = (location: number, buffer: WebGLBuffer, type: number): void => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribIPointer(location, 1, type, 0, 0);
    };
    shares(ATTRIBUTE.positionA, a.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
    shares(ATTRIBUTE.positionB, b.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
    if (snapshot === undefined) {
      shares(ATTRIBUTE.positionS, a.positions, 2, gl.UNSIGNED_SHORT, 4, 0);
      gl.disableVertexAttribArray(ATTRIBUTE.lookS);
    } else {
      shares(ATTRIBUTE.positionS, snapshot.samples, 2, gl.UNSIGNED_SHORT, 8, 0);
      shares(ATTRIBUTE.lookS, snapshot.samples, 4, gl.UNSIGNED_BYTE, 8, 4);
      gl.enableVertexAttribArray(ATTRIBUTE.lookS);
    }
    integers(ATTRIBUTE.predictionA, a.predictions, a.predictionType);
    integers(ATTRIBUTE.predictionB, b.predictions, b.predictionType);
    integers(ATTRIBUTE.label, resources.labels, gl.UNSIGNED_SHORT);
    integers(ATTRIBUTE.state, resources.states, gl.UNSIGNED_BYTE);
    for (const name of ["colorA", "colorB", "sizeA", "sizeB"] as const) {
      const column = columns[name];
      if (column === null) {
        gl.disableVertexAttribArray(ATTRIBUTE[name]);
        gl.vertexAttribI4ui(ATTRIBUTE[name], MISSING, 0, 0, 0);
      } else {
        gl.enableVertexAttribArray(ATTRIBUTE[name]);
        integers(ATTRIBUTE[name], column, gl.UNSIGNED_SHORT);
      }
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, null);
  }
}

function unit([r, g, b]: Rgb): [number, number, number] {
  return [r / 255, g / 255, b / 255];
}
