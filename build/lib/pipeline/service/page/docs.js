// The addresses as a page, from /openapi.json alone: nothing is loaded from elsewhere.
function element(tag, text = "", ...children) {
  const made = document.createElement(tag);
  made.append(text, ...children);
  return made;
}

function table(heads, rows) {
  const made = element("table", "", element("thead", "", element("tr", "", ...heads.map((head) => element("th", head)))));
  made.append(element("tbody", "", ...rows.map((cells) => element("tr", "", ...cells.map((cell) => element("td", cell))))));
  const scroll = element("div", "", made);
  scroll.className = "scroll";
  return scroll;
}

function type(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(type).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "array") return `list of ${type(schema.items)}`;
  return schema.format || schema.contentEncoding || schema.type || "";
}

function operation(path, method, { summary, description, parameters = [], requestBody, responses }) {
  const parts = [element("h2", `${method.toUpperCase()} ${path}`), element("p", description || summary || "")];
  if (requestBody) parts.push(element("p", `Body: ${Object.keys(requestBody.content).join(", ")}; without a content type, the bytes of one image.`));
  if (parameters.length) parts.push(table(["parameter", "type", "what"], parameters.map((p) => [p.name, type(p.schema), p.description || (p.schema && p.schema.description) || ""])));
  const answers = Object.entries(responses).map(([status, response]) => [status, response.description, Object.values(response.content || {}).map((c) => type(c.schema)).join(", ")]);
  parts.push(table(["status", "when", "record"], answers));
  return parts;
}

const spec = await (await fetch("/openapi.json")).json();
const parts = Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).flatMap(([method, facts]) => operation(path, method, facts)));
for (const [name, schema] of Object.entries(spec.components.schemas)) {
  if (!schema.properties || name.includes("Validation")) continue;
  parts.push(element("h2", name), element("p", schema.description || ""));
  parts.push(table(["field", "type", "what"], Object.entries(schema.properties).map(([field, facts]) => [field, type(facts), facts.description || ""])));
}
document.getElementById("addresses").append(...parts);
