// Which part of the world a map shows. Equirectangular, so that degrees are lengths.
// In: a size in CSS pixels, points in degrees. Out: a view {x, y, width}: the middle and the degrees
// across, y being latitude downwards; places on the screen.

export const CLOSEST = 1; // degrees across: the outline knows no more than tenths
export const LARGEST = 360;
export const KM = 111.2; // a degree of latitude
const NORTH = 84;
const SOUTH = -60; // without the Antarctic, until a point lies there

export const ratioOf = (size) => size.width / size.height || 2;

// The whole world, as far to the south as anything is.
export function world(size, points) {
  const south = Math.min(SOUTH, ...points.map(([lat]) => lat - 4));
  return { x: 0, y: -(NORTH + south) / 2, width: Math.max(LARGEST, (NORTH - south) * ratioOf(size)) };
}

// A view that holds these points, `share` times as wide as they lie apart, and at least so wide.
export function around(size, points, share, least) {
  const lats = points.map(([lat]) => lat);
  const lons = points.map(([, lon]) => lon);
  const [west, east, south, north] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
  const across = Math.max(east - west, (north - south) * ratioOf(size));
  return { x: (east + west) / 2, y: -(north + south) / 2, width: Math.max(across * share, least) };
}

// The view that is possible: within the world, which lies in the middle of a map that is higher.
export function limited(size, { x, y, width }) {
  const wide = Math.min(Math.max(width, CLOSEST), LARGEST);
  const high = wide / ratioOf(size);
  const limit = (value, half, most) =>
    half >= most ? 0 : Math.min(Math.max(value, half - most), most - half);
  return { x: limit(x, wide / 2, 180), y: limit(y, high / 2, 90), width: wide };
}

export const boxOf = (size, { x, y, width }) =>
  [x - width / 2, y - width / ratioOf(size) / 2, width, width / ratioOf(size)].join(" ");

export function onScreen(size, view, lat, lon) {
  const perDegree = size.width / view.width;
  return {
    x: (lon - view.x) * perDegree + size.width / 2,
    y: (-lat - view.y) * perDegree + size.height / 2,
  };
}

// Closer or further by a factor, so that the point `at` of the screen stays where it is.
export function zoomed(size, view, factor, at) {
  const perDegree = size.width / view.width;
  const x = view.x + (at.x - size.width / 2) / perDegree;
  const y = view.y + (at.y - size.height / 2) / perDegree;
  return { x: x + (view.x - x) / factor, y: y + (view.y - y) / factor, width: view.width / factor };
}

export function shifted(size, view, x, y) {
  const perDegree = size.width / view.width;
  return { ...view, x: view.x + x / perDegree, y: view.y + y / perDegree };
}

// The longest round length of no more than a third of the map, at its middle: {km, pixels}.
export function scaleOf(size, view) {
  const km = (view.width * KM * Math.cos((view.y * Math.PI) / 180)) / 3;
  const power = 10 ** Math.floor(Math.log10(Math.max(km, 1)));
  const round = [5, 2, 1].find((one) => one * power <= km) * power || 1;
  return { km: round, pixels: (round / km / 3) * size.width };
}
