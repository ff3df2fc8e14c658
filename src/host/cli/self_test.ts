// A known answer: what the embedded model makes of one text and one picture has the same bits everywhere, and the build wrote
// their checksum down (scripts/known_answer.mjs).

import type { Align } from '../align.ts';
import { crc32 } from '../crc32.ts';
import type { RawPixels } from '../image.ts';

/** A plus sign and a slope of colours, 40 × 30. */
function picture(): RawPixels {
  const [width, height] = [40, 30];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const plus = Math.abs(x - 20) < 3 || Math.abs(y - 15) < 3;
    data.set(plus ? [0, 0, 0] : [255 - 3 * x, 255 - 4 * y, 200], 3 * i);
  }
  return { data, width, height, channels: 3 };
}

/** The CRC-32 of the embeddings of a text and a picture, in hexadecimal digits. */
export async function answer_of(align: Align): Promise<string> {
  const embeddings = [await align.embed_text('a plus sign, in black'), await align.embed_image(picture())];
  return embeddings
    .map((embedding) => crc32(new Uint8Array(embedding.buffer, embedding.byteOffset, embedding.byteLength)))
    .map((sum) => sum.toString(16).padStart(8, '0'))
    .join('');
}
