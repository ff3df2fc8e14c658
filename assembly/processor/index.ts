// Raw input to tensors: resizing and tokenising, once for every host.
export { normalize } from './normalize';
export { resize, resize_bytes } from './resize';
export { unicode_bytes, unicode_init } from './tables';
export { added_tokens_init, encode, wordpiece_init } from './wordpiece';
