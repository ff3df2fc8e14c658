// BERT's tokenizer, as transformers' BertTokenizer: texts to ids and back. The text work is done in WebAssembly.

import { open_model, type ModelSource, type OpenOptions } from '../checkpoint/model_files.ts';
import { AlignError, show, within_memory } from '../errors.ts';
import { check_load_options, check_options, flag, refuse_worker, type Rules } from '../options.ts';
import { write_saved } from '../saved.ts';
import { checked_array, Tensor } from '../tensor.ts';
import { compile, type WasmInput } from '../wasm/module.ts';
import type { SpecialTokens } from './added_tokens.ts';
import { join_tokens } from './decoder.ts';
import {
  ENCODE_RULES,
  build_row,
  special_count,
  stack_rows,
  strategies_of,
  template_of,
  truncate,
  type EncodeOptions,
  type Encoding,
  type Row,
  type Strategies,
} from './encoding.ts';
import { check_texts, checked_id, rows_of, type Ids } from './texts.ts';
import { read_tokenizer, type TokenizerSettings } from './tokenizer_files.ts';
import { WordPiece } from './wordpiece.ts';

/** Options of `from_pretrained`. */
export interface TokenizerLoadOptions extends OpenOptions {
  wasm?: WasmInput | undefined;
}

/** Arguments of `decode` and `batch_decode`. */
export interface DecodeOptions {
  /** Leave out [CLS], [SEP], [PAD] and other special tokens. Default false. */
  skip_special_tokens?: boolean | undefined;
  /** Default: the tokenizer's own setting. */
  clean_up_tokenization_spaces?: boolean | undefined;
}

const DECODE_RULES: Rules<DecodeOptions> = { skip_special_tokens: flag, clean_up_tokenization_spaces: flag };

/** Texts to `input_ids`, `token_type_ids` and `attention_mask`, the same ids as transformers in every runtime. */
export class BertTokenizer {
  /** Longest input of the model in tokens; transformers' 1e30 where its files state none. */
  readonly model_max_length: number;
  readonly special_tokens_map: SpecialTokens;
  readonly #settings: TokenizerSettings;
  readonly #core: WordPiece;
  /** Made when it is first asked for: whoever only encodes need not hold it. */
  #token_of: ReadonlyMap<number, string> | null = null;
  readonly #added: ReadonlyMap<string, number>;
  readonly #special: ReadonlySet<string>;

  /** @throws AlignError `unsupported_config` for a vocabulary whose tokens collide in its hash table. */
  constructor(settings: TokenizerSettings, module: WebAssembly.Module) {
    this.#settings = settings;
    this.#core = new WordPiece(module, settings);
    this.model_max_length = settings.model_max_length;
    this.special_tokens_map = settings.special_tokens;
    this.#added = new Map(settings.added_tokens.map(({ content, id }) => [content, id]));
    this.#special = new Set(
      settings.added_tokens.filter(({ special }) => special).map(({ content }) => content),
    );
  }

  /** Loads the tokenizer of a model. @throws AlignError `not_found`, `corrupt_checkpoint`, `unsupported_config`. */
  static async from_pretrained(
    model?: ModelSource,
    options: TokenizerLoadOptions = {},
  ): Promise<BertTokenizer> {
    check_load_options('BertTokenizer.from_pretrained', options);
    refuse_worker('BertTokenizer.from_pretrained', options);
    return within_memory(async () => {
      const { wasm } = options;
      const folder = await open_model(model, options);
      const [settings, module] = await Promise.all([read_tokenizer(folder), compile(wasm)]);
      return new BertTokenizer(settings, module);
    });
  }

  /** Tokens of the vocabulary, without those that were added behind it. */
  get vocab_size(): number {
    return this.#settings.vocab.size;
  }

  /** Settings of the files that a processor's call takes before its own defaults. */
  get call_defaults(): Readonly<Record<string, unknown>> {
    return this.#settings.call_defaults;
  }

  get padding_side(): 'left' | 'right' {
    return this.#settings.padding_side;
  }

  get truncation_side(): 'left' | 'right' {
    return this.#settings.truncation_side;
  }

  get unk_token_id(): number {
    return this.#id_of(this.#settings.unk_token)!;
  }

  get sep_token_id(): number | null {
    return this.#special_id('sep_token');
  }

  get pad_token_id(): number | null {
    return this.#special_id('pad_token');
  }

  get cls_token_id(): number | null {
    return this.#special_id('cls_token');
  }

  get mask_token_id(): number | null {
    return this.#special_id('mask_token');
  }

  /** Ids of the named and extra special tokens, in transformers' order. */
  get all_special_ids(): number[] {
    const { special_tokens, extra_special_tokens } = this.#settings;
    const named = Object.values(special_tokens).filter((token) => token !== null);
    return [...new Set([...named, ...extra_special_tokens])].map((token) =>
      this.convert_tokens_to_ids(token),
    );
  }

  /**
   * Encodes one text or a batch, alone or each with a second text.
   * @returns int64 tensors [texts, length]; one text is a batch of one
   * @throws AlignError `invalid_argument` for a bad argument, and for texts of unequal length without padding
   */
  call(
    text: string | readonly string[],
    text_pair?: string | readonly string[] | null,
    options: EncodeOptions = {},
  ): Encoding {
    check_options('tokenizer', options, ENCODE_RULES);
    return within_memory(() => {
      const [texts, pairs] = check_texts(text, text_pair);
      const strategies = this.#strategies(options);
      const rows = texts.map((a, i) => this.#row(a, pairs?.[i], strategies, options));
      const { input_ids, token_type_ids, attention_mask } = stack_rows(rows, strategies, {
        pad_id: this.pad_token_id ?? 0,
        side: options.padding_side ?? this.padding_side,
        multiple: options.pad_to_multiple_of ?? 1,
      });
      const names = this.#settings.model_input_names;
      const types = options.return_token_type_ids ?? names.includes('token_type_ids');
      const mask = options.return_attention_mask ?? names.includes('attention_mask');
      return { input_ids, ...(types && { token_type_ids }), ...(mask && { attention_mask }) };
    });
  }

  /** Ids of one text (or two), special tokens included. */
  encode(text: string, text_pair?: string | null, options: EncodeOptions = {}): number[] {
    if (typeof text !== 'string')
      throw new AlignError('invalid_argument', `encode takes one text, not ${show(text)}`);
    return [...this.call(text, text_pair, options).input_ids.data].map(Number);
  }

  /** Tokens of a text, without special tokens. */
  tokenize(text: string): string[] {
    return this.encode(text, null, { add_special_tokens: false }).map((id) => this.#tokens.get(id)!);
  }

  /** Id of a token, or of each of several; a token that is none is unknown. */
  convert_tokens_to_ids(tokens: string): number;
  convert_tokens_to_ids(tokens: readonly string[]): number[];
  convert_tokens_to_ids(tokens: string | readonly string[]): number | number[] {
    if (typeof tokens === 'string') return this.#id_of(tokens) ?? this.unk_token_id;
    return Array.from(checked_array('tokens', tokens), (token) => this.convert_tokens_to_ids(token));
  }

  /** Token of an id, or of each of several; null where there is none. */
  convert_ids_to_tokens(ids: number): string | null;
  convert_ids_to_tokens(ids: Ids): (string | null)[];
  convert_ids_to_tokens(ids: number | Ids): string | null | (string | null)[] {
    if (typeof ids === 'number') return this.#tokens.get(ids) ?? null;
    return Array.from(checked_array('ids', ids), (id) => this.#tokens.get(checked_id(id)) ?? null);
  }

  /** The text of one row of ids. An id without a token is left out, as in transformers. */
  decode(ids: Ids | Tensor, options: DecodeOptions = {}): string {
    check_options('decode', options, DECODE_RULES);
    const row = ids instanceof Tensor ? ids.data : checked_array('ids', ids);
    if (ids instanceof Tensor && ids.dims.length > 1)
      throw new AlignError(
        'invalid_argument',
        `decode takes one row of ids, the tensor is ${show(ids.dims)}`,
        {
          hint: 'batch_decode takes all rows',
        },
      );
    const skip = options.skip_special_tokens === true;
    const tokens: string[] = [];
    for (const id of Array.from(row, checked_id)) {
      const token = this.#tokens.get(id);
      if (token !== undefined && !(skip && this.#special.has(token))) tokens.push(token);
    }
    const clean = options.clean_up_tokenization_spaces ?? this.#settings.clean_up_tokenization_spaces;
    return join_tokens(tokens, this.#settings.decoder, clean);
  }

  /** The text of every row: a tensor [rows, length], or a list of rows. */
  batch_decode(sequences: Tensor | readonly Ids[], options: DecodeOptions = {}): string[] {
    return rows_of(sequences).map((row) => this.decode(row, options));
  }

  /** Writes the files that the tokenizer was read from. */
  async save_pretrained(folder: string): Promise<void> {
    for (const [name, text] of this.#settings.files) await write_saved(folder, name, text);
  }

  /** Token of each id, where it has one. */
  get #tokens(): ReadonlyMap<number, string> {
    if (this.#token_of !== null) return this.#token_of;
    const { vocab, added_tokens } = this.#settings;
    const tokens = new Map<number, string>();
    for (const [token, id] of vocab) tokens.set(id, token);
    // tokenizers gives back a token that is looked for after normalisation as it is looked for.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for (const { content, id, normalized } of added_tokens)
      tokens.set(id, normalized ? decoder.decode(this.#core.normalize(content)) : content);
    return (this.#token_of = tokens);
  }

  #id_of(token: string): number | undefined {
    return this.#added.get(token) ?? this.#settings.vocab.get(token);
  }

  #special_id(name: keyof SpecialTokens): number | null {
    const token = this.#settings.special_tokens[name];
    return token === null ? null : (this.#id_of(token) ?? null);
  }

  #strategies(options: EncodeOptions): Strategies {
    const strategies = strategies_of(options, this.model_max_length);
    if (strategies.padding !== 'do_not_pad' && this.pad_token_id === null)
      throw new AlignError('invalid_argument', 'padding is asked for, but the tokenizer has no pad_token');
    return strategies;
  }

  #row(a: string, b: string | undefined, strategies: Strategies, options: EncodeOptions): Row {
    const parts = template_of(this.#settings.template, b !== undefined, options.add_special_tokens ?? true);
    const texts = { a: this.#core.encode(a), b: b === undefined ? null : this.#core.encode(b) };
    return build_row(parts, truncate(texts, strategies, special_count(parts), this.truncation_side));
  }
}
