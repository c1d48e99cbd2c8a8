"use strict";
// The page of boards.view: sends an image, shows what came back. No other state than `told` (what
// the engine is), `image` (its bytes), `found` (the last answer) and the step shown.

const $ = id => document.getElementById(id);
const PALETTE = ["#4e9af1", "#ff8a4c", "#57c785", "#e5606e", "#b084f5", "#c99a6b", "#f28cc9", "#9aa1b1", "#d3d04f", "#4fd0d9"];
// Inferno, at nine even steps.
const HEAT = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];

// `chosen`: whether a person chose the step. `picture`: the last file, for another cut or shade of it.
let told, image, found, number = -1, label = null, timer = null, again = false, busy = false, chosen = false, picture = null;

function heat(share) {
  const x = Math.min(1, Math.max(0, share)) * (HEAT.length - 1), n = Math.min(HEAT.length - 2, Math.floor(x));
  return HEAT[n].map((low, k) => low + (HEAT[n + 1][k] - low) * (x - n));
}

const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const base64 = some => btoa(String.fromCharCode(...some));

function complain(text) {
  $("error").textContent = text;
  $("error").hidden = !text;
}

async function ask(path, body) {
  const options = body && {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)};
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    complain("boards.view does not answer: is it still running?");
    throw new Error("no answer");
  }
  const text = await answer.text();
  let value;
  try { value = JSON.parse(text); } catch { value = {error: `${path}: ${answer.status}`}; }
  complain(value.error || "");
  if (value.error) throw new Error(value.error);
  return value;
}

// Pixels of `image` as (row, column) of [r, g, b].
function pixel(y, x) {
  const plane = told.height * told.width, at = y * told.width + x;
  const value = c => image[Math.min(c, told.channels - 1) * plane + at];
  return [value(0), value(1), value(2)];
}

function paint(canvas, height, width, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), data = context.createImageData(width, height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const [r, g, b] = colour(y, x), at = 4 * (y * width + x);
    data.data.set([r, g, b, 255], at);
  }
  context.putImageData(data, 0, 0);
}

function showImage() {
  const canvas = $("draw"), small = document.createElement("canvas");
  paint(small, told.height, told.width, pixel);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// A map over the image: the image grey, the map the more opaque the hotter; smooth like the figures.
function overlay(canvas, rows, top) {
  const height = 140, width = 140, h = rows.length, w = rows[0].length;
  const at = (y, x) => {
    const clamp = (v, n) => Math.min(n - 1, Math.max(0, v));
    const fy = (y + .5) * h / height - .5, fx = (x + .5) * w / width - .5, y0 = Math.floor(fy), x0 = Math.floor(fx);
    const value = (v, u) => rows[clamp(v, h)][clamp(u, w)];
    const ay = fy - y0, ax = fx - x0;
    return (value(y0, x0) * (1 - ax) + value(y0, x0 + 1) * ax) * (1 - ay) + (value(y0 + 1, x0) * (1 - ax) + value(y0 + 1, x0 + 1) * ax) * ay;
  };
  paint(canvas, height, width, (y, x) => {
    const share = top ? at(y, x) / top : 0, hot = heat(share), opaque = .25 + .75 * Math.min(1, share);
    return pixel(Math.floor(y * told.height / height), Math.floor(x * told.width / width)).map((v, k) => v * (1 - opaque) + hot[k] * opaque);
  });
}

function grey(canvas, rows, top) {
  paint(canvas, rows.length, rows[0].length, (y, x) => Array(3).fill(top ? 255 * rows[y][x] / top : 0));
}

const largest = nested => nested.flat(Infinity).reduce((a, b) => Math.max(a, b), 0);

function figures(title, names) {
  const row = document.createElement("div");
  row.className = "layer";
  row.append(Object.assign(document.createElement("b"), {textContent: title}));
  const canvases = names.map(name => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = Object.assign(document.createElement("figcaption"), {textContent: name});
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title}: ${name}`);
    figure.append(canvas, caption);
    row.append(figure);
    return {canvas, caption};
  });
  $("layers").append(row);
  return canvases;
}

let layers = [];

function prepare() {
  $("layers").replaceChildren();
  const [spikes, picture, active] = figures("input", ["spikes", "image", "spikes in all steps"]);
  const times = Array.from({length: told.height}, (_, y) => Array.from({length: told.width}, (_, x) => found.input.reduce((sum, rows) => sum + rows[y][x], 0)));
  paint(picture.canvas, told.height, told.width, pixel);
  grey(active.canvas, times, largest(times));
  const unit = found.unit;
  layers = [t => grey(spikes.canvas, found.input[t], largest(found.input))];
  for (const tap of found.taps) {
    const [fired, map, sum] = figures(`layer ${tap.layer}`, ["spikes", "SAM", "SAM, all steps"]);
    const top = largest(tap.maps), most = largest(tap.spikes), whole = largest(tap.sum);
    overlay(sum.canvas, tap.sum, whole);
    sum.caption.textContent = `SAM, sum over t (top ${(whole * unit).toFixed(1)})`;
    sum.caption.dataset.top = whole;
    layers.push(t => {
      const count = tap.spikes[t].flat().reduce((a, b) => a + b, 0);
      grey(fired.canvas, tap.spikes[t], most);
      fired.caption.textContent = `${count} spikes`;
      overlay(map.canvas, tap.maps[t], top);
      map.caption.textContent = `SAM (top ${(largest(tap.maps[t]) * unit).toFixed(2)})`;
    });
  }
}

// The last step in which a map is not blank; the last one where all are.
function lastWithMap() {
  for (let t = told.steps - 1; t > 0; t--) if (found.taps.some(tap => largest(tap.maps[t]) > 0)) return t;
  return told.steps - 1;
}

function showStep() {
  if (!found) return;
  const t = Number($("step").value);
  $("step-value").textContent = $("at").textContent = `t = ${t}`;
  layers.forEach(draw => draw(t));
  chart(t);
  document.dispatchEvent(new Event("stepped"));
}

function chart(t) {
  const canvas = $("scores"), ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 640, height = 220;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  const flat = found.scores.flat(), low = Math.min(0, ...flat), high = Math.max(1, ...flat);
  const left = 46, x = k => left + (width - left - 8) * (found.scores.length > 1 ? k / (found.scores.length - 1) : 0);
  const y = v => height - 20 - (height - 30) * (v - low) / (high - low);
  c.font = "12px system-ui, sans-serif";
  const colour = name => getComputedStyle(document.body).getPropertyValue(name).trim();
  c.fillStyle = colour("--dim");
  for (const v of [low, 0, high]) c.fillText(v, 2, y(v) + 4);
  for (let k = 0; k < found.scores.length; k += Math.max(1, Math.ceil(found.scores.length / 12))) c.fillText(k, x(k) - 4, height - 4);
  c.strokeStyle = colour("--line");
  c.beginPath(); c.moveTo(left, y(0)); c.lineTo(width, y(0)); c.stroke();
  c.strokeStyle = colour("--hot");
  c.beginPath(); c.moveTo(x(t), 4); c.lineTo(x(t), height - 18); c.stroke();
  told.classes.forEach((_, n) => {
    c.strokeStyle = PALETTE[n % PALETTE.length];
    c.lineWidth = n === found.pred ? 3 : 1.3;
    c.beginPath();
    found.scores.forEach((row, k) => k ? c.lineTo(x(k), y(row[n])) : c.moveTo(x(k), y(row[n])));
    c.stroke();
  });
  $("legend").replaceChildren(...told.classes.map((name, n) => {
    const item = document.createElement("span"), mark = document.createElement("i");
    mark.style.background = PALETTE[n % PALETTE.length];
    item.append(mark, `${name} ${found.scores[t][n]}`);
    item.className = n === found.pred ? "best" : "";
    return item;
  }));
}

function statistics() {
  const rows = found.cycles ? [["equals the model on this computer", found.equal ? "yes, bit for bit" : "NO"]] : [];
  if (!found.stepwise) rows.push(["maps of single steps", "from the model: this chip gives sums"]);
  if (found.cycles) {
    rows.push(["cycles", found.cycles.toLocaleString("en")],
              ["at " + found.hz / 1e6 + " MHz", (1000 * found.cycles / found.hz).toFixed(2) + " ms"]);
    if (found.waits !== null) rows.push(["cycles with a result waiting for the wire", found.waits.toLocaleString("en")],
                                        ["map values held at the top", found.saturated]);
    rows.push(["bytes to the chip, from it", found.bytes.join(", ")]);
  }
  rows.push(["time of the engine", (1000 * found.seconds).toFixed(1) + " ms"], ["spikes: input, layers", found.counts.join(", ")]);
  for (const [name, value] of Object.entries(found.link)) rows.push(["link: " + name, value.toLocaleString("en")]);
  $("statistics").replaceChildren(...rows.map(cells => {
    const row = document.createElement("tr");
    row.append(...cells.map(text => Object.assign(document.createElement("td"), {textContent: text})));
    return row;
  }));
}

async function explain() {
  if (busy) { again = true; return; }
  busy = true;
  document.body.dataset.state = "busy";
  try {
    do {
      again = false;
      found = await ask("/api/explain", {pixels: base64(image)});
    } while (again);
    $("pred").textContent = told.classes[found.pred];
    $("label").textContent = label === null ? "" : `(label: ${told.classes[label]})`;
    $("share").textContent = `softmax of the scores: ${(100 * found.share).toFixed(1)} %`;
    prepare();
    if (!chosen) $("step").value = lastWithMap();
    showStep();
    statistics();
    document.body.dataset.state = "ready";
    document.dispatchEvent(new Event("explained"));
  } catch {
    document.body.dataset.state = "error";
  } finally {
    busy = false;
  }
}

async function take(n) {
  const sample = await ask(`/api/sample/${n}`);
  number = n;
  picture = null;
  label = sample.label;
  image = bytes(sample.pixels);
  $("sample").textContent = `${n + 1} of ${told.samples}`;
  showImage();
  await explain();
}

function own() {
  number = -1;
  label = null;
  $("sample").textContent = "yours";
}

async function load(file) {
  try { picture = await createImageBitmap(file); } catch { complain(`${file.name}: not an image that this browser reads`); return; }
  await fitted();
}

// The last picture, of any size, as an image of the network's: cropped, with a dark frame, or stretched.
async function fitted() {
  if (!picture) return;
  const canvas = document.createElement("canvas");
  canvas.width = told.width;
  canvas.height = told.height;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const ratios = [told.width / picture.width, told.height / picture.height], how = $("fitting").value;
  const scale = how === "crop" ? Math.max(...ratios) : Math.min(...ratios);
  const [w, h] = how === "stretch" ? [told.width, told.height] : [picture.width * scale, picture.height * scale];
  context.fillStyle = $("invert").checked ? "#fff" : "#000";
  context.fillRect(0, 0, told.width, told.height);
  context.drawImage(picture, (told.width - w) / 2, (told.height - h) / 2, w, h);
  const data = context.getImageData(0, 0, told.width, told.height).data, plane = told.width * told.height;
  image = new Uint8Array(told.channels * plane);
  for (let at = 0; at < plane; at++) {
    let rgb = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    if ($("invert").checked) rgb = rgb.map(v => 255 - v);
    if (told.channels === 1) image[at] = Math.round(.299 * rgb[0] + .587 * rgb[1] + .114 * rgb[2]);
    else rgb.forEach((v, c) => { if (c < told.channels) image[c * plane + at] = v; });
  }
  own();
  showImage();
  await explain();
}

function drawing() {
  const canvas = $("draw");
  let last = null;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientY - box.top) / box.height * told.height, (event.clientX - box.left) / box.width * told.width];
  };
  const dab = (y, x) => {
    const plane = told.height * told.width, radius = Math.max(1, told.height / 20);
    for (let v = Math.floor(y - radius - 1); v <= y + radius + 1; v++) for (let u = Math.floor(x - radius - 1); u <= x + radius + 1; u++) {
      if (v < 0 || u < 0 || v >= told.height || u >= told.width) continue;
      const light = 255 * Math.min(1, Math.max(0, radius + .5 - Math.hypot(v + .5 - y, u + .5 - x)));
      for (let c = 0; c < told.channels; c++) image[c * plane + v * told.width + u] = Math.max(image[c * plane + v * told.width + u], light);
    }
  };
  const line = (from, to) => {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let k = 0; k <= steps; k++) dab(from[0] + (to[0] - from[0]) * k / steps, from[1] + (to[1] - from[1]) * k / steps);
    showImage();
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    picture = null;
    last = place(event);
    own();
    line(last, last);
  });
  canvas.addEventListener("pointermove", event => {
    if (!last) return;
    const next = place(event);
    line(last, next);
    last = next;
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => {
    if (last) explain();
    last = null;
  });
  canvas.addEventListener("dragover", event => { event.preventDefault(); canvas.classList.add("over"); });
  canvas.addEventListener("dragleave", () => canvas.classList.remove("over"));
  document.addEventListener("dragover", event => event.preventDefault());
  document.addEventListener("drop", event => {
    event.preventDefault();
    canvas.classList.remove("over");
    if (event.dataTransfer.files.length) load(event.dataTransfer.files[0]);
  });
}

function save(name, parts, type) {
  const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob(parts, {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const title = () => `${told.network.replace(/[^\w-]+/g, "_")}_${number < 0 ? "own" : number + 1}`;

// Image, spikes and maps of the step shown, a row each, with their captions.
function png() {
  const rows = [...document.querySelectorAll(".layer")], side = 140, gap = 26, sheet = document.createElement("canvas");
  sheet.width = 3 * (side + 8) + 8;
  sheet.height = rows.length * (side + 2 * gap) + 30;
  const c = sheet.getContext("2d");
  c.fillStyle = "#14161b";
  c.fillRect(0, 0, sheet.width, sheet.height);
  c.fillStyle = "#e8eaf0";
  c.font = "13px system-ui, sans-serif";
  c.fillText(`${$("network").textContent.split(":")[0]}: ${$("pred").textContent}, ${$("at").textContent}`, 8, 20);
  c.imageSmoothingEnabled = false;
  rows.forEach((row, n) => {
    const y = 30 + n * (side + 2 * gap);
    c.fillText(row.querySelector("b").textContent, 8, y + 16);
    row.querySelectorAll("figure").forEach((figure, k) => {
      c.drawImage(figure.querySelector("canvas"), 8 + k * (side + 8), y + gap - 4, side, side);
      c.fillText(figure.querySelector("figcaption").textContent.slice(0, 24), 8 + k * (side + 8), y + gap + side + 12, side);
    });
  });
  sheet.toBlob(blob => save(`${title()}_t${$("step").value}.png`, [blob], "image/png"));
}

function csv() {
  const quoted = name => `"${String(name).replace(/"/g, '""')}"`;
  const rows = found.scores.map((row, t) => [t, ...row].join(","));
  save(`${title()}.csv`, [["step", ...told.classes.map(quoted)].join(",") + "\n" + rows.join("\n") + "\n"], "text/csv");
}

// An .npy file of whole numbers: bytes, or 32 bits little endian.
function npy(shape, values, kind) {
  const data = kind === "|u1" ? Uint8Array.from(values) : new Uint8Array(Int32Array.from(values).buffer);
  const dict = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const head = dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11) + "\n", size = head.length;
  return new Uint8Array([0x93, ...[..."NUMPY"].map(c => c.charCodeAt(0)), 1, 0, size & 255, size >> 8,
                         ...[...head].map(c => c.charCodeAt(0)), ...data]);
}

function crc(data) {
  let sum = -1;
  for (const byte of data) {
    sum ^= byte;
    for (let n = 0; n < 8; n++) sum = sum & 1 ? sum >>> 1 ^ 0xEDB88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

// A zip of files that are stored as they are, which is what numpy.load reads.
function zip(files) {
  const number = (value, size) => Array.from({length: size}, (_, n) => Math.floor(value / 256 ** n) & 255);
  const parts = [], index = [];
  let at = 0;
  for (const [name, data] of files) {
    const letters = [...name].map(c => c.charCodeAt(0)), size = data.length;
    const same = [...number(20, 2), ...number(0, 2), ...number(0, 2), ...number(0, 2), ...number(33, 2),
                  ...number(crc(data), 4), ...number(size, 4), ...number(size, 4), ...number(letters.length, 2), ...number(0, 2)];
    const head = new Uint8Array([80, 75, 3, 4, ...same, ...letters]);
    index.push(80, 75, 1, 2, ...number(20, 2), ...same, ...Array(10).fill(0), ...number(at, 4), ...letters);
    parts.push(head, data);
    at += head.length + size;
  }
  const end = [80, 75, 5, 6, 0, 0, 0, 0, ...number(files.length, 2), ...number(files.length, 2), ...number(index.length, 4), ...number(at, 4), 0, 0];
  return [...parts, new Uint8Array(index), new Uint8Array(end)];
}

// Names as `sim.run --out` has them; spikes are summed over the channels, as the page shows them.
function npz() {
  const sizes = nested => Array.isArray(nested) ? [nested.length, ...sizes(nested[0])] : [];
  const array = (name, nested) => [`${name}.npy`, npy(sizes(nested), nested.flat(Infinity), "<i4")];
  const files = [["image.npy", npy([told.channels, told.height, told.width], image, "|u1")],
                 array("scores", found.scores), array("counts", found.counts), array("input_by_pixel", found.input)];
  for (const tap of found.taps) files.push(array(`sam_${tap.layer}`, tap.maps), array(`sum_${tap.layer}`, tap.sum), array(`spikes_by_pixel_${tap.layer}`, tap.spikes));
  save(`${title()}.npz`, zip(files), "application/zip");
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, button, textarea, summary")) return;
  const move = by => {
    chosen = true;
    $("step").value = Number($("step").value) + by;
    showStep();
  };
  const doing = {ArrowRight: () => move(1), ArrowLeft: () => move(-1), " ": play, n: () => $("next").click(),
                 p: () => $("previous").click(), c: () => $("clear").click(), v: () => $("camera").click()}[event.key];
  if (!doing) return;
  event.preventDefault();
  doing();
}

async function set() {
  try {
    await ask("/api/settings", {gamma: Number($("gamma").value), mode: $("mode").value});
    await explain();
  } catch { /* the error is on the page */ }
}

function play() {
  const stop = timer !== null;
  if (stop) { clearInterval(timer); timer = null; }
  else timer = setInterval(() => {
    chosen = true;
    $("step").value = (Number($("step").value) + 1) % told.steps;
    showStep();
  }, 250);
  $("play").textContent = stop ? "▶ play" : "❚❚ pause";
}

async function begin() {
  told = await ask("/api/state");
  $("network").textContent = `${told.network}: ${told.channels} x ${told.height} x ${told.width}, ${told.classes.length} classes, ${told.steps} steps`;
  $("notice").textContent = told.notice;
  $("notice").hidden = !told.notice;
  $("mode").replaceChildren(...told.modes.map(mode => new Option(mode, mode)));
  $("mode").value = told.mode;
  $("gamma").value = told.gamma;
  $("gamma-value").textContent = told.gamma;
  $("step").max = told.steps - 1;
  image = new Uint8Array(told.channels * told.height * told.width);
  $("gamma").addEventListener("input", () => { $("gamma-value").textContent = $("gamma").value; });
  $("gamma").addEventListener("change", set);
  $("mode").addEventListener("change", set);
  $("step").addEventListener("input", () => { chosen = true; showStep(); });
  for (const [name, write] of Object.entries({png, csv, npz})) $(name).addEventListener("click", () => found && write());
  document.addEventListener("keydown", keys);
  document.addEventListener("paste", event => {
    const file = [...event.clipboardData.files].find(each => each.type.startsWith("image/"));
    if (file) load(file);
  });
  $("fitting").addEventListener("change", fitted);
  $("invert").addEventListener("change", fitted);
  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", showStep);
  $("play").addEventListener("click", play);
  $("next").addEventListener("click", () => told.samples && take((number + 1) % told.samples));
  $("previous").addEventListener("click", () => told.samples && take((number + told.samples - (number < 0 ? 0 : 1)) % told.samples));
  $("clear").addEventListener("click", () => { image.fill(0); picture = null; own(); showImage(); explain(); });
  $("file").addEventListener("change", event => event.target.files.length && load(event.target.files[0]));
  window.addEventListener("resize", showStep);
  drawing();
  showImage();
  await (told.samples ? take(0) : explain());
}

begin().catch(() => { document.body.dataset.state = "error"; });
