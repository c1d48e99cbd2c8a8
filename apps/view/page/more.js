"use strict";
// What not everybody opens: pictures of a camera, and two methods side by side. Uses page.js.

// --- a camera ---

let stream = null;

function dark() {
  stream.getTracks().forEach(track => track.stop());
  stream = null;
  $("live").hidden = true;
  $("camera").textContent = "Camera";
}

// The first press shows what the camera sees, the second takes it and turns the camera off.
async function camera() {
  const video = $("live");
  if (stream) {
    const taken = await createImageBitmap(video);
    dark();
    picture = taken;
    await fitted();
    return;
  }
  if (!navigator.mediaDevices) { complain("a browser gives its camera only to pages of this computer: open 127.0.0.1"); return; }
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: true});
  } catch (error) {
    complain(`no picture of a camera: ${error.message}`);
    return;
  }
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  complain("");
  $("camera").textContent = "Take it";
}

// --- two methods ---

const chosenMethods = ["sam", "contribution"], shown = [null, null];

// Blue, white and red, as apps.look has them for maps of two signs.
const signed = share => share < 0 ? [70, 130, 255] : [255, 70, 60];

function drawMethod(canvas, rows, top, two) {
  if (!two) { overlay(canvas, rows, top); return; }
  const h = rows.length, w = rows[0].length, side = 140;
  paint(canvas, side, side, (y, x) => {
    const share = top ? rows[Math.floor(y * h / side)][Math.floor(x * w / side)] / top : 0, opaque = Math.min(1, Math.abs(share));
    return pixel(Math.floor(y * told.height / side), Math.floor(x * told.width / side)).map((v, k) => .5 * v * (1 - opaque) + signed(share)[k] * opaque);
  });
}

const greatest = nested => nested.flat(Infinity).reduce((a, b) => Math.max(a, Math.abs(b)), 0);

function showMethods() {
  shown.forEach((each, n) => {
    if (!each) return;
    const {answer, step, sum} = each, t = Number($("step").value), many = answer.heat.length > 1;
    step.caption.textContent = many ? `t = ${t}` : answer.whole;
    drawMethod(step.canvas, answer.heat[many ? t : 0], greatest(answer.heat), answer.signed);
    const whole = answer.heat[0].map((row, y) => row.map((_, x) => answer.heat.reduce((all, rows) => all + rows[y][x], 0)));
    sum.caption.textContent = `${many ? "all steps" : answer.whole}, ${answer.where} (${answer.unit})`;
    drawMethod(sum.canvas, whole, greatest(whole), answer.signed);
  });
}

async function askMethod(n) {
  const pixels = base64(image), asked = chosenMethods[n];
  const side = $("methods").children[n];
  side.setAttribute("aria-busy", "true");
  try {
    const answer = await ask("/api/method", {pixels, method: asked});
    if (asked !== chosenMethods[n] || pixels !== base64(image)) return;      // an older one
    const [step, sum] = [...side.querySelectorAll("figure")].map(figure => ({canvas: figure.querySelector("canvas"), caption: figure.querySelector("figcaption")}));
    step.canvas.setAttribute("aria-label", `${asked}: the step shown`);
    sum.canvas.setAttribute("aria-label", `${asked}: ${answer.title}`);
    shown[n] = {answer, step, sum};
    showMethods();
  } catch { /* the error is on the page */ } finally {
    side.setAttribute("aria-busy", "false");
  }
}

async function askMethods() {
  if (!$("beside").open || !found) return;
  for (const n of [0, 1]) await askMethod(n);
}

function prepareMethods() {
  chosenMethods.forEach((name, n) => {
    const side = document.createElement("div"), label = document.createElement("label"), select = document.createElement("select");
    side.className = "side";
    select.id = `method-${n}`;
    select.append(...told.methods.map(each => new Option(each, each)));
    if (told.methods.includes(name)) select.value = name;
    chosenMethods[n] = select.value;
    select.addEventListener("change", () => { chosenMethods[n] = select.value; askMethod(n); });
    label.append("method ", select);
    side.append(label);
    for (const what of ["step", "sum"]) {
      const figure = document.createElement("figure"), canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `method ${n + 1}: ${what}`);
      figure.append(canvas, document.createElement("figcaption"));
      side.append(figure);
    }
    $("methods").append(side);
  });
}

$("camera").addEventListener("click", camera);
$("beside").addEventListener("toggle", askMethods);
document.addEventListener("explained", () => { if (!$("methods").children.length) prepareMethods(); askMethods(); });
document.addEventListener("stepped", showMethods);
