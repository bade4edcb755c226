// One WebGL2 context for all explorers of a page: browsers allow few, and a notebook shows many.

/** Told when the context was lost (everything on the GPU is gone) and when it is back. */
export interface ContextUser {
  lost(): void;
  restored(): void;
}

export interface SharedContext {
  canvas: HTMLCanvasElement;
  gl: WebGL2RenderingContext;
  users: Set<ContextUser>;
}

// Each widget loads a module of its own, so the context hangs on the page; the number is the version of its shape.
const KEY = Symbol.for("dvi_widget.gl.1");
const page = globalThis as { [KEY]?: SharedContext | undefined };

/** The page's context, for who adds itself to its users; null where the browser has no WebGL2. */
export function sharedContext(): SharedContext | null {
  page[KEY] ??= createContext() ?? undefined;
  return page[KEY] ?? null;
}

/** Leave the context; the last one out gives it back to the browser. */
export function leaveContext(shared: SharedContext, user: ContextUser): void {
  shared.users.delete(user);
  if (shared.users.size === 0) {
    if (page[KEY] === shared) {
      page[KEY] = undefined;
    }
    shared.gl.getExtension("WEBGL_lose_context")?.loseContext();
    shared.canvas.width = shared.canvas.height = 0;
  }
}

function createContext(): SharedContext | null {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", {
    alpha: true,
    antialias: false,
    depth: false,
    stencil: false,
    premultipliedAlpha: true,
    preserveDrawingBuffer: false,
  });
  if (gl === null) {
    return null;
  }
  const shared: SharedContext = { canvas, gl, users: new Set() };
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    for (const user of shared.users) {
      user.lost();
    }
  });
  canvas.addEventListener("webglcontextrestored", () => {
    for (const user of shared.users) {
      user.restored();
    }
  });
  return shared;
}

/** Make the shared canvas at least as large as what is about to be drawn; it never shrinks while in use. */
export function reserve({ canvas }: SharedContext, width: number, height: number): void {
  if (canvas.width < width) {
    canvas.width = width;
  }
  if (canvas.height < height) {
    canvas.height = height;
  }
}
