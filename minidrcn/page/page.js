// Takes a photograph, sends it to the worker tile by tile, and shows what comes back.

const TILE = 256; // pixels of the result along the side of a tile, without its halo
const LIMIT = 4e6; // pixels of the result; the prediction after every recursion is kept, 16 MB each
const ZOOM = 2; // of the screen's pixels for one of the result, as in the style sheet
const KERNEL = 2; // pixels that bicubic interpolation reaches beyond a tile

const $ = (id) => document.getElementById(id);
const worker = new Worker("worker.js", { type: "module" });
const networks = await (await fetch("networks.json")).json();
let network = networks[0];
let photograph, title; // a bitmap, and the name of its file without the ending
let layers = []; // 2d contexts: bicubic interpolation, the prediction after every recursion, their ensemble
let job = 0; // counts enlargements; an older one ends when there is a newer

// Taking a photograph

async function take(blob, name) {
  const mine = ++job; // ends what may be running
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    return mine === job && complain(`${name} is no picture that this browser can read.`);
  }
  if (mine !== job) return; // another came meanwhile
  photograph = bitmap;
  title = name.replace(/\.\w+$/, "");
  await enlarge();
}

$("file").onchange = ({ target }) => {
  if (target.files.length) take(target.files[0], target.files[0].name);
  target.value = ""; // so that the same file can be chosen again
};
$("example").onclick = async () => take(await (await fetch("example.png")).blob(), "cat.png");
$("another").onclick = () => $("file").click();
document.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
};
document.ondragleave = ({ relatedTarget }) =>
  relatedTarget || document.body.classList.remove("dragging");
document.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  if (file) take(file, file.name);
};
document.onpaste = ({ clipboardData: { files } }) => files.length && take(files[0], files[0].name);

// Enlarging it

async function enlarge() {
  const mine = ++job;
  const { scale } = network;
  const file = encodeURIComponent(network.file);
  const source = middle(photograph, LIMIT / scale ** 2);
  const { width, height } = source.canvas;
  const cropped = width < photograph.width;
  const note = cropped ? `Larger than the limit, so its middle, ${width} × ${height}. ` : "";
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const tiles = cover(width, height);
  let done = 0;
  let device;
  prepare(source);
  say(`${note}Loading the network …`, 0);
  try {
    for (const { outer, inner, x, y } of tiles) {
      const pixels = source.getImageData(outer.x, outer.y, outer.width, outer.height);
      const answer = await ask({ file, pixels, inner });
      if (mine !== job) return;
      device = answer.device;
      answer.pictures.forEach((picture, d) => layers[d].putImageData(picture, x, y));
      const left = Math.ceil((seconds() / ++done) * (tiles.length - done));
      say(`${note}Tile ${done} of ${tiles.length}, about ${left} s left`, done / tiles.length);
    }
    const sizes = `${width} × ${height} to ${scale * width} × ${scale * height}`;
    say(`${note}${sizes} in ${seconds().toFixed(1)} s on ${device}`, 1);
    $("download").disabled = false;
  } catch (error) {
    if (mine === job) complain(`It did not work: ${error.message}`);
  }
}

// The worker's answer; one message after the other.
let last = Promise.resolve();
function ask(message) {
  const answer = () =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(message);
    });
  last = last.then(answer, answer);
  return last;
}

// Tiles of a photograph, each with as much around it as its enlargement depends on, so that there is no seam.
function cover(width, height) {
  const { scale, radius } = network;
  const halo = Math.ceil(radius / scale) + KERNEL;
  const side = (length) => Math.ceil(length / Math.ceil((length * scale) / TILE)); // even, no sliver is left
  const starts = (length) =>
    Array.from({ length: Math.ceil(length / side(length)) }, (_, k) => k * side(length));
  const span = (start, length) => {
    const [end, from] = [Math.min(start + side(length), length), Math.max(start - halo, 0)];
    return {
      from,
      size: Math.min(end + halo, length) - from,
      skip: scale * (start - from),
      keep: scale * (end - start),
    };
  };
  return starts(height).flatMap((top) =>
    starts(width).map((left) => {
      const [h, v] = [span(left, width), span(top, height)];
      return {
        outer: { x: h.from, y: v.from, width: h.size, height: v.size },
        inner: { x: h.skip, y: v.skip, width: h.keep, height: v.keep },
        x: scale * left,
        y: scale * top,
      };
    }),
  );
}

// The middle of a bitmap, as large as the limit allows; what is transparent becomes white.
function middle(bitmap, limit) {
  const share = Math.min(1, Math.sqrt(limit / (bitmap.width * bitmap.height)));
  const [width, height] = [Math.floor(share * bitmap.width), Math.floor(share * bitmap.height)];
  const part = context(width, height);
  part.fillStyle = "white";
  part.fillRect(0, 0, width, height);
  part.drawImage(bitmap, (width - bitmap.width) >> 1, (height - bitmap.height) >> 1);
  return part;
}

function context(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return canvas.getContext("2d", { willReadFrequently: true });
}

// Showing it

function prepare(source) {
  const { scale, predictions } = network;
  const [width, height] = [scale * source.canvas.width, scale * source.canvas.height];
  layers = Array.from({ length: predictions + 2 }, () => context(width, height));
  layers[0].drawImage(source.canvas, 0, 0, width, height); // until the tiles come
  $("start").hidden = $("lead").hidden = true;
  $("result").hidden = false;
  $("problem").textContent = "";
  $("frame").style.setProperty("--width", width);
  $("frame").style.setProperty("--height", height);
  $("stops").replaceChildren(...layers.map((_, d) => new Option(d)));
  $("recursion").max = $("recursion").value = layers.length - 1;
  $("recursions").hidden = predictions === 1;
  $("download").disabled = true;
  choose();
  zoom(false);
}

function choose() {
  const [d, ensemble] = [Number($("recursion").value), layers.length - 1];
  const names = { 0: ["Bicubic", "none"], [ensemble]: ["DRCN", "mean of all"] };
  const [shown, step] = names[d] ?? [`Recursion ${d}`, `${d} of ${network.predictions}`];
  $("shown").textContent = shown;
  $("step").textContent = step;
  $("before").replaceChildren(layers[0].canvas);
  $("after").replaceChildren(...(d ? [layers[d].canvas] : []));
}

function say(words, share) {
  $("status").textContent = words;
  $("progress").value = share;
  $("progress").hidden = share === 1;
}

function complain(words) {
  $("start").hidden = $("lead").hidden = false;
  $("result").hidden = true;
  $("problem").textContent = words;
}

function zoom(pressed) {
  $("zoom").setAttribute("aria-pressed", pressed);
  $("frame").classList.toggle("near", pressed);
  pan(0, 0);
}

let [panX, panY] = [0, 0];
function pan(x, y) {
  const { canvas } = layers[0];
  const limit = (value, room) => Math.min(room, Math.max(-room, value));
  panX = limit(x, (canvas.width * ZOOM) / 2 - $("frame").clientWidth / 2);
  panY = limit(y, (canvas.height * ZOOM) / 2 - $("frame").clientHeight / 2);
  $("frame").style.setProperty("--x", `${panX}px`);
  $("frame").style.setProperty("--y", `${panY}px`);
}

$("recursion").oninput = choose;
$("divider").oninput = ({ target }) => $("frame").style.setProperty("--at", target.value);
$("zoom").onclick = () => zoom($("zoom").getAttribute("aria-pressed") !== "true");
$("frame").onpointerdown = ({ target, clientX, clientY, pointerId }) => {
  if (target !== $("frame")) return; // but the divider
  target.setPointerCapture(pointerId);
  const [x, y] = [panX - clientX, panY - clientY];
  target.onpointermove = (event) => pan(x + event.clientX, y + event.clientY);
};
$("frame").onpointerup = ({ currentTarget }) => (currentTarget.onpointermove = null);
$("download").onclick = async () => {
  const d = Number($("recursion").value);
  const picture = layers[d].canvas;
  const step = d === layers.length - 1 ? "" : `_recursion_${d}`;
  const blob = await new Promise((resolve) => picture.toBlob(resolve));
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: `${title}_x${network.scale}${step}.png`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// The networks

for (const [k, { name, scale, filters, recursions }] of networks.entries()) {
  const input = Object.assign(document.createElement("input"), {
    type: "radio",
    name: "network",
    checked: !k,
  });
  const label = document.createElement("label");
  label.title = `${filters} filters, ${recursions} recursions`;
  label.append(
    input,
    Object.assign(document.createElement("span"), {
      textContent: name === `x${scale}` ? `× ${scale}` : `${name}, × ${scale}`,
    }),
  );
  $("networks").append(label);
  input.onchange = () => {
    network = networks[k];
    tell();
    if (photograph) enlarge();
  };
}

$("networks").hidden = networks.length === 1;

function tell() {
  const limit = +(LIMIT / network.scale ** 2 / 1e6).toFixed(2);
  const size = `${limit} megapixel${limit === 1 ? "" : "s"} at × ${network.scale}`;
  $("limit").textContent = `Up to ${size}; larger photographs are cropped to their middle.`;
}
tell();
$("problem").textContent = ""; // the page runs
