// How an op is split: `count` rows, channels, panels or heads into `parts` neighbouring shares.

/** First item of share `part`. */
// @ts-ignore: decorator
@inline
export function begin_of(count: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>count * part) / parts);
}

/** One past the last item of share `part`. */
// @ts-ignore: decorator
@inline
export function end_of(count: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>count * (part + 1)) / parts);
}
