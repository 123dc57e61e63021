// How the pages make elements. Texts are set as texts, never as HTML, so that nothing an agent says can become part of the page.

// h makes an element: h("td", {class: "num"}, "7"). Properties that are functions listen; null and false leave out.
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (typeof value === "function") el.addEventListener(name, value);
    else if (name === "value") el.value = value;
    else el.setAttribute(name, value === true ? "" : value);
  }
  return fill(el, ...children);
}

// fill replaces what is in an element.
export function fill(el, ...children) {
  el.replaceChildren(...children.flat(9).filter((c) => c != null && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return el;
}

// keyed brings the children of an element in line with a list of items: elements stay as long as their items do, so that focus, scroll and
// what is typed stay too.
export function keyed(parent, items, key, make) {
  const old = parent.keyed ?? new Map();
  const now = new Map();
  const focused = document.activeElement;
  let at = parent.firstChild;
  for (const item of items) {
    const k = key(item);
    let entry = old.get(k);
    if (!entry || entry.item !== item) {
      const el = make(item, entry?.el);
      if (entry && entry.el !== el) {
        if (at === entry.el) at = at.nextSibling;
        entry.el.remove();
      }
      entry = { item, el };
    }
    now.set(k, entry);
    if (entry.el === at) at = at.nextSibling;
    else parent.insertBefore(entry.el, at);
  }
  for (const [k, entry] of old) if (!now.has(k)) entry.el.remove();
  parent.keyed = now;
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

// say tells those who cannot see the page, and nobody else.
export function say(text) {
  document.getElementById("said").textContent = text;
}
