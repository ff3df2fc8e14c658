// Records hold relative places; this module adds the bases of the memory they run in.

let arena_base: usize = 0;
let weights_base: usize = 0;

/** Where weight blocks and the arena begin. Called by the host before {@link execute}, again after memory moved. */
export function bind(weights_at: usize, arena_at: usize): void {
  weights_base = weights_at;
  arena_base = arena_at;
}

// @ts-ignore: decorator
@inline
export function arena(place: u32): usize {
  return arena_base + place;
}

// @ts-ignore: decorator
@inline
export function weights(place: u32): usize {
  return weights_base + place;
}
