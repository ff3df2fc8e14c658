// The post-processor: where the special tokens go around one text or two (tokenizers' TemplateProcessing).

import { array, integer, kind, object, string, unsupported, type Json } from './json_fields.ts';

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

function checked_id(key: string, value: unknown): number {
  const id = integer(FILE, { [key]: value }, key);
  if (id === undefined) throw unsupported(FILE, key, value, 'an id is needed');
  return id;
}

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
  const special = object(FILE, processor, 'special_tokens') ?? {};
  return { single: parts(processor, 'single', special), pair: parts(processor, 'pair', special) };
}

/** BertProcessing writes a token as [text, id]. */
function token_id(processor: Json, key: string): number {
  const token = array(FILE, processor, key) ?? [];
  const id = integer(FILE, { [key]: token[1] }, key);
  if (id === undefined) throw unsupported(FILE, key, token, 'a token and its id are needed');
  return id;
}

function parts(processor: Json, key: 'single' | 'pair', special: Json): TemplatePart[] {
  return (array(FILE, processor, key) ?? []).map((part) => {
    const record = object(FILE, { [key]: part }, key) ?? {};
    const token = object(FILE, record, 'SpecialToken');
    const place = token ?? object(FILE, record, 'Sequence');
    const name = place && string(FILE, place, 'id');
    if (place === undefined || name === undefined)
      throw unsupported(FILE, `post_processor.${key}`, part, 'a SpecialToken or a Sequence is needed');
    const type_id = integer(FILE, place, 'type_id') ?? 0;
    if (type_id > MAX_TYPE) throw unsupported(FILE, 'type_id', type_id, `it is ${MAX_TYPE} at most`);
    if (token !== undefined) {
      const ids = array(FILE, object(FILE, special, name) ?? {}, 'ids');
      if (ids === undefined)
        throw unsupported(FILE, `special_tokens[${name}]`, undefined, 'its ids are needed');
      return { ids: ids.map((id, i) => checked_id(`special_tokens[${name}].ids[${i}]`, id)), type_id };
    }
    if (name !== 'A' && name !== 'B') throw unsupported(FILE, 'Sequence', name, 'A or B is needed');
    return { sequence: name, type_id };
  });
}
