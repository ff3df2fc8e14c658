// Which part of a picture CSS shows in a box: its size, position, and the part that is cut out of a sprite sheet.

/**
 * [x, y, width, height] in the image's own pixels of what is seen in the border box `box`. `kind` is 'background' or 'mask',
 * `layer` which of its pictures.
 */
export function layer_places(image, { kind, layer, box, style }) {
  const value = (name) => {
    const values = layers_of(style.getPropertyValue(`${kind}-${name}`));
    return values[layer % values.length];
  };
  const [origin, clip] = [inner_box(box, style, value('origin')), inner_box(box, style, value('clip'))];
  const [width, height] = layer_size(image, origin, value('size'));
  const [across_place, down_place] = value('position').split(' ');
  const left = origin.x + length(across_place, origin.width - width);
  const top = origin.y + length(down_place, origin.height - height);
  // What of the picture lies within the clip, in the page's pixels from the picture's corner.
  const [x, y] = [Math.max(0, clip.x - left), Math.max(0, clip.y - top)];
  const w = Math.min(width, clip.x + clip.width - left) - x;
  const h = Math.min(height, clip.y + clip.height - top) - y;
  const [across, down] = [image.naturalWidth / width, image.naturalHeight / height];
  return w > 0 && h > 0 ? [x * across, y * down, w * across, h * down] : undefined;
}

/** A computed list at its commas, but for those in brackets and quotes. */
export function layers_of(list) {
  const [layers, all] = [[''], list.matchAll(/"(?:[^"\\]|\\.)*"|./gs)];
  let depth = 0;
  for (const [part] of all) {
    depth += { '(': 1, ')': -1 }[part] ?? 0;
    if (part === ',' && depth === 0) layers.push('');
    else layers[layers.length - 1] += part;
  }
  return layers.map((layer) => layer.trim());
}

/** `box` without border, or without border and padding. */
function inner_box({ x, y, width, height }, style, which) {
  const less = which === 'border-box' ? [] : which === 'content-box' ? ['border', 'padding'] : ['border'];
  const side = (name) =>
    less
      .map((what) => style.getPropertyValue(what === 'border' ? `border-${name}-width` : `padding-${name}`))
      .reduce((sum, text) => sum + parseFloat(text), 0);
  const [top, right, bottom, left] = ['top', 'right', 'bottom', 'left'].map(side);
  return new DOMRect(x + left, y + top, width - left - right, height - top - bottom);
}

function layer_size({ naturalWidth, naturalHeight }, box, size) {
  if (size === 'contain' || size === 'cover') {
    const scales = [box.width / naturalWidth, box.height / naturalHeight];
    const scale = size === 'contain' ? Math.min(...scales) : Math.max(...scales);
    return [naturalWidth * scale, naturalHeight * scale];
  }
  const [width, height = 'auto'] = size.split(' ');
  const given = [length(width, box.width), length(height, box.height)];
  const ratio = naturalWidth / naturalHeight;
  if (width === 'auto' && height === 'auto') return [naturalWidth, naturalHeight];
  if (width === 'auto') return [given[1] * ratio, given[1]];
  return height === 'auto' ? [given[0], given[0] / ratio] : given;
}

/** A computed length: pixels, or percent of `whole`. */
function length(text, whole) {
  return text.endsWith('%') ? (parseFloat(text) / 100) * whole : parseFloat(text);
}
