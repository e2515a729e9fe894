// The text of a query as its items: which qualifiers stand in it, and the text with one more or less.
// In: texts. Out: texts. The same grammar as the server's, as far as qualifiers and quotes go.

const ITEM = /-?([A-Za-z]+(?:-[A-Za-z]+)*):("(?:[^"]|"")*"|[^\s"]\S*)|-?"(?:[^"]|"")*"|\S+/g;

// → [{text, from, to, name, value}]; name is "" for anything but a qualifier.
export function items(text) {
  return [...text.matchAll(ITEM)].map((match) => ({
    text: match[0],
    from: match.index,
    to: match.index + match[0].length,
    name: (match[1] ?? "").toLowerCase(),
    negated: match[0].startsWith("-"),
    value: unquoted(match[2] ?? ""),
  }));
}

export const qualifiers = (text) => items(text).filter((one) => one.name);

const unquoted = (value) =>
  value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value;

const isSame = (one, other) =>
  one.name === other.name &&
  one.negated === other.negated &&
  one.value.toLowerCase() === other.value.toLowerCase();

function find(text, filter) {
  const [wanted] = items(filter);
  return items(text).find((one) => (wanted?.name ? isSame(one, wanted) : one.text === filter));
}

export const has = (text, filter) => Boolean(find(text, filter));

export const without = (text, filter) => {
  const found = find(text, filter);
  if (!found) return text;
  return `${text.slice(0, found.from)} ${text.slice(found.to)}`.replace(/\s+/g, " ").trim();
};

export const withToo = (text, filter) => `${text.trim()} ${filter}`.trim();

// A qualifier whose value has not begun, or whose quote is open.
const BEGUN = /(?:^|\s)-?[A-Za-z]+(?:-[A-Za-z]+)*:(?:"(?:[^"]|"")*)?$/;
// One that is refused until its value is whole, and looks as if it were not.
const EXACT = /(?:^|\s)-?(?:date|after|before|near|in|type|has|orientation):\S*$/i;
const DAYS = /:\d{4}(?:-\d\d){0,2}$/;

// What of a text can be asked for while somebody types at `at`. later: the rest, when they pause.
export function askable(text, at) {
  const before = text.slice(0, at);
  const isInside = /^\S/.test(text.slice(at));
  const begun = !isInside && BEGUN.exec(before);
  const exact = !isInside && !begun && !DAYS.test(before) && EXACT.exec(before);
  const half = begun || exact;
  if (!half) return { q: text.trim(), later: false };
  return { q: `${text.slice(0, half.index)}${text.slice(at)}`.trim(), later: Boolean(exact) };
}

// The text without the qualifiers of these names, such as those of one group of filters.
export function withoutNames(text, names) {
  return items(text)
    .filter((one) => !names.includes(one.name) || one.negated)
    .map((one) => one.text)
    .join(" ");
}

// The qualifiers alone, without what is looked for.
export const onlyFilters = (text) => qualifiers(text).map((one) => one.text).join(" ");

export const withoutFilters = (text) =>
  items(text).filter((one) => !one.name).map((one) => one.text).join(" ");
