"use strict";
// Draws openapi.json. Everything of the document becomes text, never HTML.

const METHODS = ["get", "post", "patch", "put", "delete"];
// References inside a schema are followed so far; deeper they are named.
const DEPTH = 4;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

class Page {
  constructor(api) {
    this.api = api;
  }

  resolve(value) {
    const path = value?.$ref?.slice(2).split("/");
    return path ? path.reduce((node, part) => node?.[part], this.api) : value;
  }

  typeOf(schema) {
    if (schema.$ref) return schema.$ref.split("/").pop();
    const forms = schema.oneOf ?? schema.anyOf;
    if (forms) return forms.map((one) => this.typeOf(one)).join(" | ");
    if (schema.allOf) return "object";
    if (schema.type === "array") return `list of ${this.typeOf(schema.items ?? {})}`;
    const type = [schema.type ?? "anything"].flat().join(" | ");
    return schema.format ? `${type} (${schema.format})` : type;
  }

  // The members of a schema, as a list of lists.
  members(schema, depth = 0) {
    const whole = this.resolve(schema) ?? {};
    const lists = [];
    for (const part of [...(whole.allOf ?? []), ...(whole.anyOf ?? []), ...(whole.oneOf ?? [])]) {
      lists.push(this.members(part, depth));
    }
    if (whole.type === "array" || whole.items) lists.push(this.members(whole.items ?? {}, depth));
    const rows = Object.entries(whole.properties ?? {}).map(([name, member]) =>
      this.member(name, member, (whole.required ?? []).includes(name), depth));
    if (rows.length > 0) lists.push(make("ul", {}, ...rows));
    if (whole.enum && lists.length === 0) lists.push(make("p", {}, `one of: ${whole.enum.join(", ")}`));
    return make("div", {}, ...lists);
  }

  member(name, schema, required, depth) {
    const known = this.resolve(schema) ?? {};
    const row = make("li", {}, make("code", {}, name), ` ${this.typeOf(schema)}`, required ? " — always" : null);
    const about = schema.description ?? known.description;
    if (about) row.append(make("span", { class: "about" }, ` ${about}`));
    if (known.enum) row.append(make("div", { class: "about" }, `one of: ${known.enum.join(", ")}`));
    else if (depth < DEPTH) row.append(this.members(schema, depth + 1));
    return row;
  }

  content(holder) {
    const entries = Object.entries(this.resolve(holder)?.content ?? {});
    return entries.map(([media, { schema }]) => {
      const title = make("p", {}, make("code", {}, media), ` ${this.typeOf(schema ?? {})}`);
      return make("div", {}, title, this.members(schema ?? {}));
    });
  }

  answers(operation) {
    return Object.entries(operation.responses).map(([status, answer]) => {
      const about = this.resolve(answer).description;
      const body = status < "400" ? this.content(answer) : [];
      return make("tr", {}, make("th", {}, status), make("td", {}, about, ...body));
    });
  }

  parameters(operation) {
    return (operation.parameters ?? []).map((one) => {
      const where = `${one.in}, ${this.typeOf(one.schema ?? {})}${one.required ? ", needed" : ""}`;
      return make("tr", {}, make("th", {}, make("code", {}, one.name)), make("td", {}, where),
        make("td", {}, one.description ?? ""));
    });
  }

  curl(method, path, operation) {
    const parts = [`curl -sS -X ${method.toUpperCase()} '${location.origin}${path}'`];
    const internal = operation.security.some((one) => "internal_secret" in one);
    if (internal) parts.push(`-H "X-Internal-Secret: $INTERNAL_SECRET"`);
    else if (operation.security.length > 0) parts.push(`-H "Authorization: Bearer $KEY"`);
    if (operation.requestBody) parts.push(`-H 'Content-Type: application/json' -d @body.json`);
    return parts.join(" \\\n  ");
  }

  operation(method, path, operation) {
    const title = make("summary", {}, make("span", { class: "method" }, method.toUpperCase()),
      make("span", { class: "path" }, path), ` ${operation.summary}`);
    const details = make("details", { id: operation.operationId }, title);
    // What nobody opens is not drawn.
    details.addEventListener("toggle", () => this.draw(details, method, path, operation), { once: true });
    return details;
  }

  draw(details, method, path, operation) {
    const add = (name, rows) => rows.length > 0 && details.append(make("h4", {}, name), make("table", {}, ...rows));
    for (const text of (operation.description ?? "").split("\n\n")) details.append(make("p", {}, text));
    details.append(make("pre", {}, this.curl(method, path, operation)));
    add("Parameters", this.parameters(operation));
    if (operation.requestBody) details.append(make("h4", {}, "Body"), ...this.content(operation.requestBody));
    add("Answers", this.answers(operation));
  }

  // All operations with these words, under their resources.
  show(words) {
    const found = new Map();
    for (const [path, item] of Object.entries(this.api.paths)) {
      for (const method of METHODS.filter((name) => name in item)) {
        const one = item[method];
        const text = `${method} ${path} ${one.summary} ${one.description ?? ""}`.toLowerCase();
        if (!words.every((word) => text.includes(word))) continue;
        const tag = one.tags[0];
        found.set(tag, [...(found.get(tag) ?? []), this.operation(method, path, one)]);
      }
    }
    const tags = [...found.keys()].sort();
    const section = (tag) => make("section", {}, make("h2", { id: `tag-${tag}` }, tag), ...found.get(tag));
    document.getElementById("operations").replaceChildren(...tags.map(section));
    const link = (tag) => make("a", { href: `#tag-${tag}` }, tag);
    document.getElementById("tags").replaceChildren(...tags.map(link));
  }
}

async function start() {
  const about = document.getElementById("about");
  try {
    const page = new Page(await (await fetch("openapi.json")).json());
    const { title, version } = page.api.info;
    about.replaceChildren(`${title} ${version}, as `, make("a", { href: "openapi.json" }, "openapi.json"), " has it.");
    const find = document.getElementById("find");
    find.addEventListener("input", () => page.show(find.value.toLowerCase().split(/\s+/)));
    page.show([]);
  } catch (error) {
    about.append(` failed: ${error.message}`);
  }
}

start();
