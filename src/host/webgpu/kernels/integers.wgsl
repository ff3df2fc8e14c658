// Small integers in two's complement within words, as floats. No shifts: software drivers do them lane by lane.

// Of each word the field under `mask`, whose highest bit is `sign`, times `unit`, which its lowest bit is worth 1 with.
fn fields(words: vec4<u32>, mask: vec4<u32>, sign: vec4<u32>, unit: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(((words & mask) ^ sign) - sign)) * unit;
}

// A pair of steps of four columns in 8 bits, a column's two next to each other.
fn first_bytes(pair: vec2<u32>) -> vec4<f32> {
  return fields(
    pair.xxyy, vec4<u32>(0xffu, 0xff0000u, 0xffu, 0xff0000u), vec4<u32>(0x80u, 0x800000u, 0x80u, 0x800000u),
    vec4<f32>(1.0, 0x1p-16, 1.0, 0x1p-16));
}

fn second_bytes(pair: vec2<u32>) -> vec4<f32> {
  return fields(
    pair.xxyy, vec4<u32>(0xff00u, 0xff000000u, 0xff00u, 0xff000000u),
    vec4<u32>(0x8000u, 0x80000000u, 0x8000u, 0x80000000u), vec4<f32>(0x1p-8, 0x1p-24, 0x1p-8, 0x1p-24));
}

// Four bytes with two columns each: the lower four bits, or the upper ones.
fn lower_bits(bytes: u32) -> vec4<f32> {
  return fields(
    vec4<u32>(bytes), vec4<u32>(0xfu, 0xf00u, 0xf0000u, 0xf000000u), vec4<u32>(0x8u, 0x800u, 0x80000u, 0x8000000u),
    vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24));
}

fn upper_bits(bytes: u32) -> vec4<f32> {
  return fields(
    vec4<u32>(bytes), vec4<u32>(0xf0u, 0xf000u, 0xf00000u, 0xf0000000u),
    vec4<u32>(0x80u, 0x8000u, 0x800000u, 0x80000000u), vec4<f32>(0x1p-4, 0x1p-12, 0x1p-20, 0x1p-28));
}
