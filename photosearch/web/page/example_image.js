// An image file, made small enough to be sent.
// In: a File. Out: what is sent, and a smaller one that is kept.

const LARGEST = 1600; // pixels of the longer side that are sent: the model looks at 224 of them
const SMALL = 640; // of what is kept for Back and reload; some 60 kB
const MOST_BYTES = 50 * 2 ** 20; // what the server takes; of a file that the browser cannot make smaller
const ELSEWHERE = /\.(hei[cf]|tiff?|jxl|dng|cr[23w]|nef|nrw|arw|orf|raf|rw2|pef|srw|avif)$/i;

export const isImage = (file) => file.type.startsWith("image/") || ELSEWHERE.test(file.name) || (!file.type && !file.name.includes("."));

// Small enough to be sent at once; as it is where this browser cannot read it but the server may.
export async function prepared(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (!ELSEWHERE.test(file.name) && !/hei[cf]|tiff|jxl|avif|raw|dng/.test(file.type)) {
      throw new Error(`“${file.name || "That image"}” cannot be read as an image: it may be damaged.`);
    }
    if (file.size > MOST_BYTES) {
      throw new Error(`“${file.name}” is too large: ${Math.round(file.size / 2 ** 20)} MiB, and no more than ${MOST_BYTES / 2 ** 20} can be sent.`);
    }
    return { blob: file, small: null };
  }
  const small = await drawn(picture, SMALL, 0.8);
  const longer = Math.max(picture.width, picture.height);
  const fine = longer <= LARGEST && file.size < 3e6 && /jpeg|png|webp/.test(file.type);
  const blob = fine ? file : await drawn(picture, LARGEST, 0.9);
  picture.close();
  return { blob, small };
}

async function drawn(picture, longest, quality) {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent lies on white, as in the library
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("This browser could not read the image."))), "image/jpeg", quality));
}
