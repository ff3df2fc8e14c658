// Pictures: read from their bytes where the package can, which gives every runtime's scores; else drawn by the browser.

/** Pixels on the longer side of what the browser draws; the model looks at 48. */
const SIDE = 512;

/** Kinds of AlignError after which the browser's own decoder has a try: SVG, GIF, AVIF, photographs of 50 megapixels. */
export const BROWSER_MAY = ['unsupported_image', 'too_large'];

/** The picture as an ImageBitmap of SIDE pixels on its longer side. Rejects where the browser cannot read it either. */
export async function drawn(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const [width, height] = [image.naturalWidth || SIDE, image.naturalHeight || SIDE];
  const scale = SIDE / Math.max(width, height);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height].map((size) => Math.max(1, Math.round(size * scale)));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return createImageBitmap(canvas);
}

const SENTENCES = {
  corrupt_image: (name) => `${name} is damaged: a part of the file is missing or wrong.`,
  unsupported_image: (name) =>
    `${name} is not a picture that can be read here. PNG, JPEG and SVG always can.`,
  too_large: (name, { width, height }) =>
    `${name} is too large${width ? `: ${width} × ${height} pixels` : ''}. Make it smaller and drop it again.`,
  network: () => 'The model could not be fetched. Is the package built (npm run build)?',
  not_found: () => 'The model could not be fetched. Is the package built (npm run build)?',
  out_of_memory: () => 'There is not enough memory left. Close other tabs and reload this page.',
  too_many_tokens: () => 'One of the labels is too long. A word or two works best.',
};

/** An AlignError in a sentence for the visitor. */
export function sentence({ code, message, detail }, name) {
  return SENTENCES[code]?.(name, detail ?? {}) ?? `That did not work: ${message}`;
}
