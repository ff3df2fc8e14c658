// The smallest TrueType font that browsers take: glyphs of straight lines.

const UNITS = 1000;

/** Bytes of a font. `glyphs`: code point -> outlines, each a list of [x, y], clockwise. */
export function font(name, glyphs) {
  const codes = Object.keys(glyphs).map(Number);
  const outlines = [Buffer.alloc(0), ...codes.map((code) => outline(glyphs[code]))]; // the first stands for what is missing
  const count = outlines.length;
  const places = outlines.map((_, i) => sum(outlines.slice(0, i)));
  const points = Math.max(...codes.map((code) => glyphs[code].flat().length));
  const contours = Math.max(...codes.map((code) => glyphs[code].length));
  const [first, last] = [codes[0], codes.at(-1)];
  const text = Buffer.from(name, 'utf16le').swap16();
  return file({
    'OS/2': words(
      3,
      UNITS,
      400,
      5,
      0,
      650,
      600,
      0,
      75,
      650,
      600,
      0,
      350,
      50,
      300,
      0,
      ...Array(5).fill(0),
      ...Array(8).fill(0),
      0x4f57,
      0x4e20,
      0x40,
      first,
      last,
      800,
      -200,
      0,
      1000,
      200,
      0,
      0,
      0,
      0,
      500,
      700,
      0,
      32,
      1,
    ),
    cmap: words(0, 1, 3, 1, 0, 12, 4, 32, 0, 4, 4, 1, 0, last, 0xffff, 0, first, 0xffff, 1 - first, 1, 0, 0),
    glyf: Buffer.concat(outlines),
    head: words(
      1,
      0,
      1,
      0,
      0,
      0,
      0x5f0f,
      0x3cf5,
      3,
      UNITS,
      ...Array(8).fill(0),
      0,
      0,
      UNITS,
      UNITS,
      0,
      8,
      2,
      1,
      0,
    ),
    hhea: words(1, 0, 900, -100, 0, UNITS, 0, 0, UNITS, 1, 0, 0, 0, 0, 0, 0, 0, count),
    hmtx: words(
      UNITS,
      0,
      ...codes.flatMap((code) => [UNITS, Math.min(...glyphs[code].flat().map(([x]) => x))]),
    ),
    loca: words(...[...places, sum(outlines)].flatMap((place) => [place >>> 16, place & 0xffff])),
    maxp: words(1, 0, count, points, contours, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    name: Buffer.concat([
      words(0, 4, 54, ...[1, 2, 4, 6].flatMap((id) => [3, 1, 0x409, id, text.length, 0])),
      text,
    ]),
    post: words(3, 0, 0, 0, -100, 50, ...Array(10).fill(0)),
  });
}

const sum = (parts) => parts.reduce((length, part) => length + part.length, 0);

/** 16-bit words, big-endian. */
function words(...values) {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => bytes.writeUInt16BE(value & 0xffff, 2 * i));
  return bytes;
}

function outline(contours) {
  const all = contours.flat();
  const [xs, ys] = [0, 1].map((axis) => all.map((point) => point[axis]));
  const steps = (values) => values.map((value, i) => value - (values[i - 1] ?? 0));
  const ends = contours.map((_, i) => contours.slice(0, i + 1).flat().length - 1);
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const bytes = [
    words(contours.length, ...box, ...ends, 0),
    Buffer.alloc(all.length, 1), // every point is on its line
    words(...steps(xs), ...steps(ys)),
  ];
  return Buffer.concat([...bytes, Buffer.alloc((4 - (sum(bytes) % 4)) % 4)]);
}

function file(tables) {
  const names = Object.keys(tables);
  const parts = names.map((tag) =>
    Buffer.concat([tables[tag], Buffer.alloc((4 - (tables[tag].length % 4)) % 4)]),
  );
  const header = 12 + 16 * names.length;
  const directory = names.flatMap((tag, i) => {
    const entry = Buffer.alloc(16);
    entry.write(tag, 'latin1');
    entry.writeUInt32BE(checksum(parts[i]), 4);
    entry.writeUInt32BE(header + sum(parts.slice(0, i)), 8);
    entry.writeUInt32BE(tables[tag].length, 12);
    return [entry];
  });
  const whole = Buffer.concat([
    words(1, 0, names.length, 128, 3, 16 * names.length - 128),
    ...directory,
    ...parts,
  ]);
  const head = header + sum(parts.slice(0, names.indexOf('head')));
  whole.writeUInt32BE((0xb1b0afba - checksum(whole)) >>> 0, head + 8);
  return whole;
}

function checksum(bytes) {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 4) total = (total + bytes.readUInt32BE(at)) >>> 0;
  return total;
}
