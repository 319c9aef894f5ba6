// Runs a network on one tile at a time, away from the page, so that the page stays alive.

// onnxruntime's build for each kind of processor. The one for graphics needs WebAssembly that can wait (JSPI).
const BUILDS = {
  webgpu: "./runtime/ort.jspi.bundle.min.mjs",
  wasm: "./runtime/ort.wasm.bundle.min.mjs",
};

let ort, session, device;
let network; // the file that the session has loaded

onmessage = async ({ data: { file, pixels, inner } }) => {
  try {
    if (file !== network) await open(file);
    const outputs = await session.run({ rgb: toTensor(pixels) });
    // The graph's first output is the ensemble's prediction; on the page's slider it comes last.
    const [final, ...steps] = session.outputNames.map((name) => toPicture(outputs[name], inner));
    postMessage({ pictures: [...steps, final], device });
  } catch (error) {
    postMessage({ error: error.message ?? String(error) });
  }
};

async function open(file) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  network = undefined; // until the new one has run
  const graphics = "Suspending" in WebAssembly && adapter && !adapter.info.isFallbackAdapter;
  try {
    await start(graphics ? "webgpu" : "wasm", file);
  } catch (error) {
    if (!graphics) throw error;
    await start("wasm", file);
  }
  network = file;
}

async function start(provider, file) {
  ort = await import(BUILDS[provider]);
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  session = await ort.InferenceSession.create(file, { executionProviders: [provider] });
  await session.run({ rgb: toTensor(new ImageData(8, 8)) }); // what a graphics card cannot do shows only here
  device =
    provider === "webgpu"
      ? "the graphics card"
      : threads > 1
        ? `${threads} threads`
        : "one processor core";
}

// RGBA of 8 bits as (1, 3, H, W) in [0, 1].
function toTensor({ data, width, height }) {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) values[c * plane + i] = data[4 * i + c] / 255;
  }
  return new ort.Tensor("float32", values, [1, 3, height, width]);
}

// The part of (1, 3, H, W) that is no halo as RGBA, rounded and clipped by the array.
function toPicture({ data, dims: [, , H, W] }, { x, y, width, height }) {
  const picture = new ImageData(width, height);
  picture.data.fill(255);
  for (let i = 0; i < width * height; i++) {
    const pixel = (y + Math.floor(i / width)) * W + x + (i % width);
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = 255 * data[c * H * W + pixel];
  }
  return picture;
}
