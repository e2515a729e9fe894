// What the command line says, for somebody who looks at a page.
// In: a note or a hint. Out: nodes: commands as code that can be copied, queries as links, options as qualifiers.

import { copyText, make } from "./elements.js";

// A command ends where its words do: options, FOLDER, 'quoted', paths and files.
const COMMAND =
  /photosearch [a-z]+(?: (?:--?[a-z][\w-]*|[A-Z]{2,}|[\w-]+\/[\w./-]+|[\w-]+\.[a-z]{3,4}\b|[\d.,]+\b|'[^']*'|"[^"]*"|[~/]\S+))*/g;
const QUERY = /^photosearch query ('[^']*'|"[^"]*")$/;
const OPTION =
  /(^|[\s`(])--(in|near|within|place|date|after|before|camera|lens|tag|type|has|name|orientation|(?:min|max)-megapixels) ([^\s,;`]+)/g;

// link(text, q): an element that asks for q.
export function readable(text, link) {
  const nodes = [];
  let at = 0;
  const say = (words) => words && nodes.push(words.replace(OPTION, "$1$2:$3"));
  for (const match of text.matchAll(COMMAND)) {
    const [command] = match;
    const before = text.slice(at, match.index);
    at = match.index + command.length;
    // "none yet (photosearch …)": a command that stands out needs no brackets.
    if (before.endsWith(" (") && text[at] === ")") {
      say(`${before.slice(0, -2)}: `);
      at += 1;
    } else say(before);
    const quoted = QUERY.exec(command);
    if (quoted) nodes.push(link(quoted[1].slice(1, -1), quoted[1].slice(1, -1)));
    else if (/^photosearch query .*--image/.test(command)) nodes.push("drop or paste the picture into this page");
    else nodes.push(runnable(command));
  }
  say(text.slice(at));
  return nodes;
}

// A command of a terminal, to be copied.
export function runnable(command) {
  const button = make("button", { type: "button", class: "copies", "aria-label": `Copy: ${command}` }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copyText(command)) ? "Copied" : "Not copied";
  });
  return make("span", { class: "command" }, make("code", {}, command), button);
}
