import { WORDS } from "/page/words.js";

const AT_ONCE = 4; // requests that this page has open
const SURE = [0.02, 0.15, 0.4, 0.6, 0.85, 0.98]; // limits of the words for a probability
const COLUMNS = ["picture", "name", "answer", "score", "novelty", "faces", "warnings"];
const FIELDS = ["name", "status", "score", "probability", "answer", "reason", "novelty", "n_faces", "warnings", "content_credentials", "sha256"];

const at = (id) => document.getElementById(id);
const images = []; // {file, url, result, reasons}
const sorting = { by: "", down: false };
let language = remembered() || (navigator.language.startsWith("zh") ? "zh" : "en");
let shown = null;
let version = null;
let status = () => "";

function remembered() {
  try { return localStorage.getItem("language"); } catch { return null; }
}

const word = (name, ...args) => {
  const found = WORDS[language][name];
  return typeof found === "function" ? found(...args) : found;
};

function element(tag, attributes = {}, ...children) {
  const [name, space] = tag.split(":").reverse();
  const made = space === "svg" ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// ---- asking the service

async function ask(path, file) {
  for (;;) {
    const response = await fetch(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
    if (response.status !== 503) return response;
    const seconds = Number(response.headers.get("retry-after")) || 2;
    say(() => word("waiting", seconds));
    await new Promise((go) => setTimeout(go, seconds * 1000));
  }
}

async function scored(image) {
  try {
    const body = await (await ask("/score", image.file)).json();
    image.result = body.images ? body.images[0] : unread(body.message);
    image.policy = body.policy;
  } catch {
    image.result = unread(word("no_service"));
  }
  image.result.name = image.file.name;
}

const unread = (message) => ({ status: "failed", score: null, answer: null, reason: null, novelty: null, n_faces: null, faces: [], warnings: [message] });

async function add(files) {
  const found = [...files].filter((file) => file.type.startsWith("image/") || /\.\w+$/.test(file.name));
  if (!found.length) return say(() => word("no_images"));
  const added = found.map((file) => ({ file, url: URL.createObjectURL(file), result: null }));
  images.push(...added);
  let done = 0;
  say(() => word("working", done, added.length));
  const waiting = [...added];
  const worker = async () => {
    for (let image; (image = waiting.shift()); ) {
      await scored(image);
      done += 1;
      say(() => (done < added.length ? word("working", done, added.length) : word("done", done)));
      table();
      if (images.length === 1) show(image);
    }
  };
  table();
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

// ---- what is shown

function say(text) {
  status = text;
  at("status").textContent = text();
}

const answerOf = (result) => result.answer || "unread";
const digits = (value, places) => (value === null ? "" : value.toFixed(places));

function value(image, column) {
  const result = image.result || unread("");
  return {
    name: image.file.name, answer: word(`answer_${answerOf(result)}`), score: result.score, novelty: result.novelty,
    faces: result.n_faces, warnings: result.warnings.join("; "),
  }[column];
}

function sorted() {
  if (!sorting.by) return images;
  const sign = sorting.down ? -1 : 1;
  return [...images].sort((a, b) => {
    const [x, y] = [value(a, sorting.by), value(b, sorting.by)];
    if (x === null || y === null) return (x === null) - (y === null); // unknown ones last, either way
    return sign * (typeof x === "string" ? x.localeCompare(y, language) : x - y);
  });
}

function sortBy(column) {
  sorting.down = sorting.by === column && !sorting.down;
  sorting.by = column;
  table();
  at("columns").querySelector(`[data-column=${column}]`).focus();
}

function table() {
  at("many").hidden = images.length < 2;
  at("columns").replaceChildren(
    ...COLUMNS.map((column) => {
      if (column === "picture") return element("th", { scope: "col" }, word("col_picture"));
      const state = sorting.by !== column ? "none" : sorting.down ? "descending" : "ascending";
      const arrow = { none: "", ascending: " ↑", descending: " ↓" }[state];
      const button = element("button", { type: "button", "data-column": column, onclick: () => sortBy(column) }, word(`col_${column}`) + arrow);
      return element("th", { scope: "col", "aria-sort": state }, button);
    }),
    element("th", {}, ""),
  );
  at("rows").replaceChildren(...sorted().map(row));
}

function row(image) {
  const result = image.result;
  if (!result) return element("tr", {}, element("td", {}), element("td", { class: "name" }, image.file.name), element("td", { colspan: 6 }, "…"));
  return element(
    "tr", {},
    element("td", {}, element("img", { src: image.url, alt: "", onerror: (event) => event.target.remove() })),
    element("td", { class: "name" }, image.file.name),
    element("td", { class: answerOf(result) }, word(`answer_${answerOf(result)}`)),
    element("td", { class: "number" }, digits(result.score, 4)),
    element("td", { class: "number" }, digits(result.novelty, 3)),
    element("td", { class: "number" }, result.n_faces === null ? "" : String(result.n_faces)),
    element("td", { class: "remarks" }, result.warnings.join("; ")),
    element("td", {}, element("button", { type: "button", "aria-label": `${word("show")} ${image.file.name}`, onclick: () => { show(image); at("one").focus(); } }, word("show"))),
  );
}

function told(result, field) {
  if (field === "warnings") return result.warnings.join("; ");
  if (field === "content_credentials") return result.content_credentials ? result.content_credentials.status : "";
  return result[field];
}

function csv() {
  const quoted = (text) => {
    const plain = text === null || text === undefined ? "" : String(text);
    const safe = /^[=+\-@\t\r]/.test(plain) && Number.isNaN(Number(plain)) ? `'${plain}` : plain; // no formula for a spreadsheet
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = sorted().filter((image) => image.result).map(({ result }) =>
    FIELDS.map((field) => quoted(told(result, field))).join(","));
  const text = "\ufeff" + [FIELDS.join(","), ...lines].join("\r\n") + "\r\n";
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "faketrace.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}

// ---- one picture

function show(image) {
  shown = image;
  const result = image.result;
  const box = at("one");
  box.hidden = false;
  const name = answerOf(result);
  const text = element("div", {}, element("p", { class: `answer ${name}` }, word(`answer_${name}`)));
  if (result.score === null) text.append(element("p", {}, result.warnings.join("; ")));
  else text.append(...certainty(result, image.policy));
  box.replaceChildren(
    element("h2", { id: "name" }, image.file.name),
    element("div", { class: "top" }, framed(image), text),
    element("div", { id: "why" }),
  );
  if (result.score === null) return;
  if (image.reasons) reasons(image);
  else explain(image);
}

function certainty(result, policy) {
  const words = word("sure")[SURE.filter((limit) => result.probability >= limit).length];
  const share = result.probability * 100;
  const rounded = share > 99.5 ? "> 99" : share < 0.5 ? "< 1" : Math.round(share);
  const rate = policy && policy.rate !== null ? Number((policy.rate * 100).toPrecision(2)) : "";
  const mark = element("i", {});
  mark.style.left = `${result.score * 100}%`;
  const parts = [
    element("p", {}, word(`reason_${result.reason}`, rate)),
    element("p", {}, word("certainty", words, rounded)),
    element("div", { class: "scale", role: "img", "aria-label": word("score_at", digits(result.score, 4)) }, mark),
    ends(word("real"), word("score_at", digits(result.score, 4)), word("fake")),
  ];
  if (result.warnings.length) parts.push(element("ul", {}, ...result.warnings.map((warning) => element("li", {}, warning))));
  if (result.content_credentials) parts.push(element("p", { class: "note credentials" }, credentials(result.content_credentials)));
  return parts;
}

function credentials({ status, signer, sources, problems }) {
  const known = word("sources");
  const named = sources.map((source) => (Object.hasOwn(known, source) ? known[source] : source)).join(word("comma"));
  return word(`credentials_${status}`, signer || word("nobody"), problems.join(word("comma"))) + (named ? word("sources_named", named) : "");
}

function ends(...texts) {
  return element("div", { class: "ends" }, ...texts.map((text) => element("span", {}, text)));
}

function framed(image) {
  const { faces, n_faces: count } = image.result;
  const picture = element("img", { src: image.url, alt: image.file.name });
  const holder = element("div", { class: "framed" }, picture);
  picture.addEventListener("load", () => {
    const svg = element("svg:svg", { viewBox: `0 0 ${picture.naturalWidth} ${picture.naturalHeight}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const { box: [x0, y0, x1, y1] } of faces) svg.append(element("svg:rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }));
    holder.append(svg);
  });
  picture.addEventListener("error", () => picture.remove()); // a format that the browser does not show
  const caption = !count ? "no_face" : count > 1 ? "face_of" : "face";
  return element("figure", {}, holder, image.result.score === null ? null : element("figcaption", {}, word(caption, count)));
}

async function explain(image) {
  at("why").replaceChildren(element("p", { class: "note", role: "status" }, word("explaining")));
  let problem = word("no_service");
  try {
    const body = await (await ask("/explain", image.file)).json();
    image.reasons = body.reasons;
    if (!image.reasons) problem = refusal(body);
  } catch {
    image.reasons = null;
  }
  if (shown !== image) return;
  if (image.reasons) reasons(image);
  else at("why").replaceChildren(element("p", { class: "error" }, problem));
}

const refusal = (body) => (body.images ? body.images[0].warnings.join("; ") : body.message); // by an answer without what was asked for

function reasons(image) {
  const { kinds, blocks, features, pictures, spectrum } = image.reasons;
  const pushes = Object.entries(blocks).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 3);
  const items = [...kinds.slice(0, 2).map(kind), ...pushes.map(([name, push]) => word(push > 0 ? "push_fake" : "push_real", block(name, push, features)))];
  const parts = [element("h3", {}, word("reasons")), element("ul", {}, ...items.map((text) => element("li", {}, text)))];
  parts.push(element("h3", {}, word("pictures")));
  const figures = ["evidence", "residual"].filter((name) => pictures[name]).map((name) =>
    element("figure", {}, element("img", { src: pictures[name], alt: word(name) }), element("figcaption", {}, word(name))));
  parts.push(element("div", { class: "pictures" }, ...figures));
  if (spectrum.image) parts.push(element("h3", {}, word("spectrum")), drawing(spectrum), ends(word("coarse"), "", word("fine")), key(), element("p", { class: "note" }, word("spectrum_note")));
  parts.push(element("p", {}, element("button", { type: "button", onclick: () => wholePage(image) }, word("page"))));
  at("why").replaceChildren(...parts);
}

function kind({ kind: name, log_likelihood_ratio: ratio }) {
  const times = Math.exp(Math.abs(ratio));
  const amount = times > 2000 ? word("many") : times < 10 ? times.toFixed(1) : Math.round(times);
  return word(ratio > 0 ? "looks_like" : "looks_unlike", WORDS[language].experts[name] || name, amount);
}

function block(name, push, features) {
  const what = name.startsWith("net_") || !WORDS[language].blocks[name] ? `${word("net")} (${name})` : word("blocks")[name];
  const strongest = features.find((feature) => feature.column.startsWith(`${name}.`) && feature.push * push > 0 && feature.above_real !== null);
  if (!strongest) return what;
  const share = (value) => Math.round(value * 100);
  return `${what} (${word("higher", strongest.column, share(strongest.above_real), share(strongest.above_fake))})`;
}

function drawing(spectrum) {
  const [width, height, left, below] = [660, 220, 8, 8];
  const lines = Object.entries({ "of-real": spectrum.real, "of-fake": spectrum.fake, image: spectrum.image });
  const known = lines.flatMap(([, values]) => values.filter((value) => value !== null));
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (index, count) => left + ((width - 2 * left) * index) / Math.max(count - 1, 1);
  const y = (value) => 6 + (height - below - 12) * (1 - (value - low) / (high - low || 1));
  const svg = element("svg:svg", { viewBox: `0 0 ${width} ${height}`, class: "spectrum", role: "img", "aria-label": word("spectrum_note") });
  svg.append(element("svg:line", { x1: left, x2: width - left, y1: height - below, y2: height - below }));
  for (const [name, values] of lines) {
    const points = values.map((value, index) => (value === null ? "" : `${x(index, values.length).toFixed(1)},${y(value).toFixed(1)}`));
    svg.append(element("svg:polyline", { class: name, points: points.join(" ") }));
  }
  return svg;
}

function key() {
  const entry = (name, text) => element("span", { class: name }, `— ${text}`);
  return element("p", { class: "key note" }, entry("", word("this_image")), entry("real", word("real")), entry("fake", word("fake")));
}

async function wholePage(image) {
  const response = await ask("/explain?page=true", image.file);
  if (!response.ok) {
    const problem = refusal(await response.json());
    return say(() => problem);
  }
  const link = element("a", { download: `${image.file.name}.html` });
  link.href = URL.createObjectURL(await response.blob());
  link.click();
}

// ---- beginning

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = word(place.dataset.word);
  at("language").textContent = word("other_language");
  at("language").lang = language === "zh" ? "en" : "zh-CN";
  at("model").textContent = version ? word("model", version) : "";
  say(status);
  table();
  if (shown) show(shown);
}

at("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  try { localStorage.setItem("language", language); } catch { /* a private window */ }
  speak();
});
at("files").addEventListener("change", (event) => { add([...event.target.files]); event.target.value = ""; });
at("csv").addEventListener("click", csv);
at("clear").addEventListener("click", () => {
  images.splice(0).forEach((image) => URL.revokeObjectURL(image.url));
  shown = null;
  at("one").hidden = true;
  say(() => "");
  table();
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) add(event.clipboardData.files); });
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) at("drop").classList.remove("over"); });
document.addEventListener("drop", (event) => { event.preventDefault(); at("drop").classList.remove("over"); add(event.dataTransfer.files); });
speak();
fetch("/version").then((response) => response.json()).then((found) => { version = found; speak(); }).catch(() => say(() => word("no_service")));
