// Facts of a photo in words: dates, sizes, exposures, formats.
// In: values of docs/json.md. Out: text.

const ENGLISH = navigator.language?.startsWith("en") ? navigator.language : "en-GB";
const DAY = new Intl.DateTimeFormat(ENGLISH, { dateStyle: "full", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat(ENGLISH, { timeStyle: "short", timeZone: "UTC" });

// The clock of where the photo was taken, whatever the clock here says.
export function dateInWords(takenAt) {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)[^Z+-]*(Z|[+-]\d\d:\d\d)?$/.exec(takenAt ?? "");
  if (!found) return takenAt ? { day: takenAt, time: "" } : null;
  const at = new Date(`${found[1]}T${found[2]}Z`);
  const offset = { Z: " UTC", undefined: "" }[found[3]] ?? ` (UTC${found[3].replace("-", "−")})`;
  return { day: DAY.format(at), time: TIME.format(at) + offset, date: found[1] };
}

export function bytesInWords(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const step = Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  const value = bytes / 1000 ** step;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${["", "kB", "MB", "GB"][step]}`;
}

export function exposureInWords(facts) {
  const { exposure, f_number: aperture, iso, focal_length: focal } = facts;
  const time = !exposure ? null : exposure < 0.4 ? `1/${Math.round(1 / exposure)} s` : `${Number(exposure.toFixed(1))} s`;
  return [
    time,
    aperture ? `f/${Number(aperture.toFixed(1))}` : null,
    iso ? `ISO ${iso}` : null,
    focal ? `${Number(focal.toFixed(1))} mm` : null,
  ].filter(Boolean).join(" · ");
}

const FORMATS = { jpeg: "JPEG", png: "PNG", webp: "WebP", heic: "HEIC", heif: "HEIF", avif: "AVIF", gif: "GIF",
  tiff: "TIFF", bmp: "BMP", jxl: "JPEG XL" };
export const formatInWords = (format) => FORMATS[format] ?? (format ?? "").toUpperCase();

export const nameOf = (path) => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);

export const percent = (share) => `${Math.round(share * 100)} %`;

// A value as it may stand in a query.
export const quoted = (value) => (/[\s"():,]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);

export function cameraOf({ make: maker, camera }) {
  if (!maker || !camera) return camera || maker || "";
  return camera.toLowerCase().startsWith(maker.toLowerCase().split(" ")[0]) ? camera : `${maker} ${camera}`;
}
