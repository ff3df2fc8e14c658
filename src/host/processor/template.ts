// The post-processor: where the special tokens go around one text or two (tokenizers' TemplateProcessing).

import { special_count } from './encoding.ts';
import { array, id, integer, kind, object, string, unsupported, type Json } from './json_fields.ts';

/** Either the ids of a special token, or the place of a text; all its tokens have one type. */
export type TemplatePart =
  | { readonly ids: readonly number[]; readonly type_id: number }
  | { readonly sequence: 'A' | 'B'; readonly type_id: number };

export interface Templates {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
}

const FILE = 'tokenizer.json';
/** Rows keep types in bytes. */
const MAX_TYPE = 255;
/** Parts of a template, and special tokens that it adds to a row. BERT's have at most five and three. */
const MAX_SPECIAL = 1024;

/** `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, the second text of type 1. */
export function bert_template(cls: number, sep: number): Templates {
  const single: TemplatePart[] = [
    { ids: [cls], type_id: 0 },
    { sequence: 'A', type_id: 0 },
    { ids: [sep], type_id: 0 },
  ];
  return {
    single,
    pair: [...single, { sequence: 'B', type_id: 1 }, { ids: [sep], type_id: 1 }],
  };
}

/** The post-processor of tokenizer.json; without one the texts follow each other. @throws AlignError `unsupported_config` */
export function read_template(tokenizer: Json): Templates {
  const processor = object(FILE, tokenizer, 'post_processor');
  if (processor === undefined)
    return {
      single: [{ sequence: 'A', type_id: 0 }],
      pair: [
        { sequence: 'A', type_id: 0 },
        { sequence: 'B', type_id: 1 },
      ],
    };
  if (kind(FILE, processor, 'type', ['TemplateProcessing', 'BertProcessing']) === 'BertProcessing')
    return bert_template(token_id(processor, 'cls'), token_id(processor, 'sep'));
  const special = special_ids(object(FILE, processor, 'special_tokens') ?? {});
  return {
    single: parts(processor, 'single', ['A'], special),
    pair: parts(processor, 'pair', ['A', 'B'], special),
  };
}

/** BertProcessing writes a token as [text, id]. */
function token_id(processor: Json, key: string): number {
  return id(FILE, `post_processor.${key}[1]`, array(FILE, processor, key)?.[1]);
}

/** The ids of every special token, each list once however often a template names it. */
function special_ids(special: Json): Map<string, readonly number[]> {
  return new Map(
    Object.keys(special).map((name) => {
      const key = `special_tokens[${name}]`;
      const ids = array(FILE, object(FILE, { [key]: special[name] }, key) ?? {}, 'ids');
      if (ids === undefined || ids.length > MAX_SPECIAL)
        throw unsupported(FILE, `${key}.ids`, ids, `a list of ${MAX_SPECIAL} ids at most is needed`);
      return [name, ids.map((value, i) => id(FILE, `${key}.ids[${i}]`, value))];
    }),
  );
}

/** A template's parts. Each of `texts` has one place at most, so that rows are as long as their texts. */
function parts(
  processor: Json,
  template: 'single' | 'pair',
  texts: readonly string[],
  special: ReadonlyMap<string, readonly number[]>,
): TemplatePart[] {
  const key = `post_processor.${template}`;
  const list = array(FILE, processor, template);
  if (list === undefined) throw unsupported(FILE, key, list, 'a list is needed');
  const free = new Set(texts);
  const read = list.map((part): TemplatePart => {
    const record = object(FILE, { [key]: part }, key) ?? {};
    const token = object(FILE, record, 'SpecialToken');
    const place = token ?? object(FILE, record, 'Sequence');
    const name = place && string(FILE, place, 'id');
    if (place === undefined || name === undefined)
      throw unsupported(FILE, key, part, 'a SpecialToken or a Sequence is needed');
    const type_id = integer(FILE, place, 'type_id') ?? 0;
    if (type_id > MAX_TYPE) throw unsupported(FILE, 'type_id', type_id, `it is ${MAX_TYPE} at most`);
    if (token !== undefined) {
      const ids = special.get(name);
      if (ids === undefined) throw unsupported(FILE, `special_tokens[${name}]`, ids, 'its ids are needed');
      return { ids, type_id };
    }
    if (!free.delete(name))
      throw unsupported(FILE, `${key}: Sequence`, name, `it may have ${texts.join(' and ')} once`);
    return { sequence: name as 'A' | 'B', type_id };
  });
  const most = Math.max(read.length, special_count(read));
  if (most > MAX_SPECIAL)
    throw unsupported(FILE, key, list, `it has ${most} parts or special tokens, ${MAX_SPECIAL} are the most`);
  return read;
}
