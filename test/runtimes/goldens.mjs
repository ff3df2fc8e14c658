// The inputs of test/golden/processor through the public classes: texts to ids, files to RGB, pictures to pixel_values.
// That these are transformers' own is tested in test/processor; here every runtime must give the same.

import { sha256 } from './sha256.mjs';

/** Digests by name; inputs.ts says what the files hold. */
export async function goldens(align, files, wasm) {
  const read = (name) => JSON.parse(new TextDecoder().decode(files.get(`goldens/${name}.json`)));
  return {
    ...(await tokens(align, read('texts'), wasm)),
    ...(await pngs(align, files, read('png'))),
    ...(files.has('goldens/jpeg.json') && {
      ...(await photos(align, files, 'JPEG', read('jpeg'))),
      ...(await photos(align, files, 'WebP', read('webp'))),
    }),
    ...(await pixels(align, files, read('pixels'), wasm)),
  };
}

async function tokens({ BertTokenizer }, { vocab, added_tokens, texts, normalizers }, wasm) {
  const out = {};
  for (const normalizer of normalizers) {
    const tokenizer = await BertTokenizer.from_pretrained(
      {
        'tokenizer.json': {
          added_tokens,
          normalizer: { type: 'BertNormalizer', ...normalizer },
          pre_tokenizer: { type: 'BertPreTokenizer' },
          model: { type: 'WordPiece', vocab },
        },
      },
      { wasm },
    );
    const ids = texts.map((text) => Uint32Array.from(tokenizer.encode(text)));
    const back = ids.map((row) => tokenizer.decode(row));
    out[`ids of ${texts.length} texts, ${JSON.stringify(normalizer)}`] = await sha256(ids);
    out[`texts of these ids, ${JSON.stringify(normalizer)}`] = await sha256(back);
  }
  return out;
}

async function pngs({ RawImage }, files, { ground, count }) {
  const plain = [];
  const laid = [];
  for (let i = 0; i < count; i++) {
    const bytes = files.get(`goldens/png/${i}`);
    plain.push((await RawImage.read(bytes)).data);
    laid.push((await RawImage.read(bytes, { background: ground })).data);
  }
  return { [`${count} PNGs`]: await sha256(plain), [`${count} PNGs on a ground`]: await sha256(laid) };
}

/** Damaged and foreign files are refused by the same codes everywhere; the name counts those that are read. */
async function photos({ AlignError, RawImage }, files, kind, { count }) {
  const results = [];
  let read = 0;
  for (let i = 0; i < count; i++) {
    try {
      const { width, height, data } = await RawImage.read(files.get(`goldens/${kind.toLowerCase()}/${i}`));
      results.push(JSON.stringify([width, height]), data);
      read++;
    } catch (error) {
      if (!(error instanceof AlignError)) throw error;
      results.push(error.code);
    }
  }
  return { [`${read} of ${count} ${kind} files`]: await sha256(results) };
}

async function pixels({ EfficientNetImageProcessor }, files, sets, wasm) {
  const out = {};
  for (const [name, cases] of Object.entries(sets)) {
    const results = [];
    for (const { config, images } of cases) {
      const processor = await EfficientNetImageProcessor.from_pretrained(
        { 'preprocessor_config.json': config },
        { wasm },
      );
      const samples = images.map(({ file, ...shape }) => ({ ...shape, data: files.get(file) }));
      try {
        const { pixel_values } = await processor.call(samples, { do_convert_rgb: false });
        results.push(JSON.stringify(pixel_values.dims), pixel_values.data);
      } catch (error) {
        results.push(error.code); // some combinations are refused, and by the same code everywhere
      }
    }
    out[`${cases.length} ${name}`] = await sha256(results);
  }
  return out;
}
