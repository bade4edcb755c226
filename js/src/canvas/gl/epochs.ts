// Epochs on the GPU: uploaded when they are drawn or shortly before; those farthest from the screen make room.
import type { Frame, Territory } from "../../protocol/source";
import { FULL_MARGIN, UNPAINTED } from "../../protocol/source";
import type { Column } from "../../state/columns";
import type { Field } from "../../state/density";
import { SUPPORT_CELLS, support } from "../../state/support";
import { createBuffer, createTexture } from "./calls";
import type { ColumnUse, Epochs, Scene } from "./scene";

const MAX_FRAME_BYTES = 256e6;
const MAX_FRAMES = 128;
const MAX_TERRITORIES = 64;
const MAX_FIELDS = 8;
const MAX_COLUMNS = 8;

export interface GpuFrame {
  /** What was uploaded; the window may let go of it. */
  frame: WeakRef<Frame>;
  positions: WebGLBuffer;
  predictions: WebGLBuffer;
  predictionType: number;
  /** How near the land is to samples. */
  support: WebGLTexture;
}

export interface GpuTerritory {
  territory: Territory | null;
  cells: WebGLTexture;
  shade: WebGLTexture;
}

/** All that is drawn of the two epochs of a scene. */
export interface DrawnEpochs {
  a: GpuFrame;
  b: GpuFrame;
  landA: GpuTerritory;
  landB: GpuTerritory;
  fieldA: WebGLTexture;
  fieldB: WebGLTexture;
  /** A number per sample; null where the column has not arrived. */
  colorA: WebGLBuffer | null;
  colorB: WebGLBuffer | null;
  sizeA: WebGLBuffer | null;
  sizeB: WebGLBuffer | null;
}

export class GpuEpochs {
  private readonly frames = new Map<number, GpuFrame>();
  private readonly territories = new Map<number, GpuTerritory>();
  private readonly fields = new Map<number, { field: Field; texture: WebGLTexture }>();
  private readonly columns = new Map<Column, WebGLBuffer>();
  private readonly unpainted: GpuTerritory;
  private readonly maxFrames: number;
  /** The two positions last drawn. */
  private drawn: readonly [number, number] | null = null;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly epochs: Epochs,
    samples: number,
  ) {
    const frameBytes = 6 * Math.max(1, samples);
    this.maxFrames = Math.min(MAX_FRAMES, Math.max(4, Math.floor(MAX_FRAME_BYTES / frameBytes)));
    this.unpainted = {
      territory: null,
      cells: createTexture(gl, "cells", 1, 1, Uint16Array.of(UNPAINTED, FULL_MARGIN)),
      shade: createTexture(gl, "shade", 1, 1, Uint8Array.of(0)),
    };
  }

  /** The two epochs of a scene, uploaded if need be; null where one is neither in memory nor on the GPU. */
  draw({ a, b }: Scene): DrawnEpochs | null {
    const frameA = this.frame(a);
    const frameB = a === b ? frameA : this.frame(b);
    if (frameA === null || frameB === null) {
      return null;
    }
    this.drawn = [a, b];
    const landA = this.territory(a);
    const landB = a === b ? landA : this.territory(b);
    const fieldA = this.field(a) ?? this.field(b);
    const fieldB = this.field(b) ?? fieldA;
    const none = this.unpainted.shade;
    const column = (which: ColumnUse, one: number, other: number): WebGLBuffer | null =>
      this.column(which, one) ?? this.column(which, other);
    return {
      a: frameA,
      b: frameB,
      landA,
      landB,
      fieldA: fieldA ?? none,
      fieldB: fieldB ?? none,
      colorA: column("color", a, b),
      colorB: column("color", b, a),
      sizeA: column("size", a, b),
      sizeB: column("size", b, a),
    };
  }

  /** Upload one part of an epoch ahead of time. Returns whether there was anything to do. */
  prepare(position: number): boolean {
    const frame = this.epochs.frame(position);
    if (
      frame !== undefined &&
      this.frames.get(position)?.frame.deref() !== frame &&
      this.hasRoom(this.frames, this.maxFrames, position)
    ) {
      this.frame(position);
      return true;
    }
    const territory = this.epochs.territory(position);
    if (
      territory !== undefined &&
      this.territories.get(position)?.territory !== territory &&
      this.hasRoom(this.territories, MAX_TERRITORIES, position)
    ) {
      this.territory(position);
      return true;
    }
    return false;
  }

  dispose(): void {
    for (const frame of this.frames.values()) {
      this.freeFrame(frame);
    }
    for (const territory of [this.unpainted, ...this.territories.values()]) {
      this.freeTerritory(territory);
    }
    for (const { texture } of this.fields.values()) {
      this.gl.deleteTexture(texture);
    }
    for (const buffer of this.columns.values()) {
      this.gl.deleteBuffer(buffer);
    }
  }

  private frame(position: number): GpuFrame | null {
    const { gl, frames } = this;
    const frame = this.epochs.frame(position);
    const known = frames.get(position);
    // An epoch that the window let go of is still good on the GPU.
    if (known !== undefined && (frame === undefined || known.frame.deref() === frame)) {
      return known;
    }
    if (frame === undefined) {
      return null;
    }
    const evicted = known === undefined ? this.farthest(frames, this.maxFrames) : position;
    const old = frames.get(evicted);
    if (old !== undefined) {
      this.freeFrame(old);
      frames.delete(evicted);
    }
    const bytes = frame.predictions instanceof Uint8Array;
    const entry: GpuFrame = {
      frame: new WeakRef(frame),
      positions: createBuffer(gl, frame.positions),
      predictions: createBuffer(gl, frame.predictions),
      predictionType: bytes ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT,
      support: createTexture(gl, "shade", SUPPORT_CELLS, SUPPORT_CELLS, support(frame.positions)),
    };
    frames.set(position, entry);
    return entry;
  }

  private territory(position: number): GpuTerritory {
    const { gl, territories } = this;
    const territory = this.epochs.territory(position);
    const known = territories.get(position);
    if (known !== undefined && (territory === undefined || known.territory === territory)) {
      return known;
    }
    if (territory === undefined) {
      return this.unpainted;
    }
    const evicted = known === undefined ? this.farthest(territories, MAX_TERRITORIES) : position;
    const old = territories.get(evicted);
    if (old !== undefined) {
      this.freeTerritory(old);
      territories.delete(evicted);
    }
    const { resolution: side, cells, shade } = territory;
    const entry = {
      territory,
      cells: createTexture(gl, "cells", side, side, cells),
      shade: createTexture(gl, "shade", side, side, shade),
    };
    territories.set(position, entry);
    return entry;
  }

  private field(position: number): WebGLTexture | null {
    const { gl, fields } = this;
    const field = this.epochs.field(position);
    const known = fields.get(position);
    if (field === undefined || known?.field === field) {
      return field === undefined ? null : (known?.texture ?? null);
    }
    const oldest = fields.keys().next().value;
    const evicted = known === undefined && fields.size >= MAX_FIELDS ? oldest : position;
    if (evicted !== undefined) {
      gl.deleteTexture(fields.get(evicted)?.texture ?? null);
      fields.delete(evicted);
    }
    const texture = createTexture(gl, "shade", field.side, field.side, field.values);
    fields.set(position, { field, texture });
    return texture;
  }

  private column(which: ColumnUse, position: number): WebGLBuffer | null {
    const { gl, columns } = this;
    const column = this.epochs.column(which, position);
    if (column === undefined) {
      return null;
    }
    const known = columns.get(column);
    // What is drawn now is the latest again.
    columns.delete(column);
    const buffer = known ?? createBuffer(gl, column.values);
    columns.set(column, buffer);
    for (const [oldest, old] of columns) {
      if (columns.size <= MAX_COLUMNS) {
        break;
      }
      gl.deleteBuffer(old);
      columns.delete(oldest);
    }
    return buffer;
  }

  private freeFrame({ positions, predictions, support }: GpuFrame): void {
    this.gl.deleteTexture(support);
    this.gl.deleteBuffer(positions);
    this.gl.deleteBuffer(predictions);
  }

  private freeTerritory({ cells, shade }: GpuTerritory): void {
    this.gl.deleteTexture(cells);
    this.gl.deleteTexture(shade);
  }

  /** The position to evict when no more fit, the one farthest from the screen; -1 while there is room. */
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

  /** Whether a position fits, or is nearer to the screen than the one it would evict. */
  private hasRoom(held: ReadonlyMap<number, unknown>, most: number, position: number): boolean {
    const farthest = this.farthest(held, most);
    return farthest < 0 || this.distance(position) < this.distance(farthest);
  }

  /** In positions, from the nearer of the two epochs last drawn. */
  private distance(position: number): number {
    const [a, b] = this.drawn ?? [position, position];
    return Math.min(Math.abs(position - a), Math.abs(position - b));
  }
}
