// Weights of a packed panel (assembly/plan/formats.ts) as f32, with the bits that kernels/widen.ts of the WASM gives.
//
//                          columns 4 v … 4 v + 3 of the panel
//   widened(…)[0]  step k      ▪ ▪ ▪ ▪
//   widened(…)[1]  step k + 1  ▪ ▪ ▪ ▪        s += widened(…) * a[k … k + 3] takes four columns four steps on
//   …
//
// `panel` counts vectors of 16 bytes; k is a multiple of 4.
// include integers.wgsl

// Format of the weights: a pipeline for each, as a switch in the innermost loop would cost all of them.
override FORMAT: u32 = 0u;

// Whether the inner size is no multiple of 4.
override RAGGED: u32 = 0u;

@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;

// Vectors of a panel of inner size k.
fn panel_size(k: u32) -> u32 {
  switch FORMAT {
    case Format_F32: { return 4u * (k + 1u); }
    case Format_F16, Format_BF16: { return 2u * (k + 2u); }
    case Format_Q4: { return 4u + (k + 31u) / 32u * 18u; }
    default: { return 2u * ((k + 1u) / 2u + 4u); }
  }
}

fn bias_of(panel: u32, v: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(weights[panel + v]);
}

fn half_of(pair: vec4<u32>, second: bool) -> vec2<u32> {
  return select(pair.xy, pair.zw, second);
}

// Four halves.
fn halves(bits: vec2<u32>) -> vec4<f32> {
// #if f16
  return vec4<f32>(vec2<f32>(bitcast<vec2<f16>>(bits.x)), vec2<f32>(bitcast<vec2<f16>>(bits.y)));
// #else
  return vec4<f32>(unpack2x16float(bits.x), unpack2x16float(bits.y));
// #end
}

fn bfloats(bits: vec2<u32>) -> vec4<f32> {
  return bitcast<vec4<f32>>((bits.xxyy * vec4<u32>(0x10000u, 1u, 0x10000u, 1u)) & vec4<u32>(0xffff0000u));
}

// Columns of Q4: those of a panel's left half have the lower four bits of its bytes.
fn four_bits(bytes: u32, right: bool) -> vec4<f32> {
  return select(lower_bits(bytes), upper_bits(bytes), right);
}

// All four steps lie within the inner size.
fn widened_whole(panel: u32, k: u32, v: u32) -> mat4x4<f32> {
  let odd = (v & 1u) == 1u;
  switch FORMAT {
    case Format_F32: {
      let at = panel + 4u * (k + 1u) + v;
      return mat4x4<f32>(
        bitcast<vec4<f32>>(weights[at]), bitcast<vec4<f32>>(weights[at + 4u]),
        bitcast<vec4<f32>>(weights[at + 8u]), bitcast<vec4<f32>>(weights[at + 12u]));
    }
    case Format_F16: {
      let at = panel + 2u * (k + 2u) + v / 2u;
      return mat4x4<f32>(
        halves(half_of(weights[at], odd)), halves(half_of(weights[at + 2u], odd)),
        halves(half_of(weights[at + 4u], odd)), halves(half_of(weights[at + 6u], odd)));
    }
    case Format_BF16: {
      let at = panel + 2u * (k + 2u) + v / 2u;
      return mat4x4<f32>(
        bfloats(half_of(weights[at], odd)), bfloats(half_of(weights[at + 2u], odd)),
        bfloats(half_of(weights[at + 4u], odd)), bfloats(half_of(weights[at + 6u], odd)));
    }
    case Format_Q4: {
      let group = panel + 4u + k / 32u * 18u;
      let scale = halves(half_of(weights[group + v / 2u], odd));
      let at = group + 2u + k % 32u / 2u;
      let low = weights[at];
      let high = weights[at + 1u];
      let right = v >= 2u;
      return mat4x4<f32>(
        scale * four_bits(select(low.x, low.y, odd), right), scale * four_bits(select(low.z, low.w, odd), right),
        scale * four_bits(select(high.x, high.y, odd), right), scale * four_bits(select(high.z, high.w, odd), right));
    }
    default: {
      let scale = bitcast<vec4<f32>>(weights[panel + 4u + v]);
      let at = panel + 8u + k + v / 2u;
      let low = half_of(weights[at], odd);
      let high = half_of(weights[at + 2u], odd);
      return mat4x4<f32>(
        scale * first_bytes(low), scale * second_bytes(low), scale * first_bytes(high), scale * second_bytes(high));
    }
  }
}

// Steps from `depth` on are zeros, whatever lies there: 0 · NaN is NaN.
fn widened(panel: u32, k: u32, v: u32, depth: u32) -> mat4x4<f32> {
  var w = widened_whole(panel, k, v);
  if (RAGGED != 0u && k + 4u > depth) {
    let zero = vec4<f32>(0.0);
    w = mat4x4<f32>(
      w[0], select(zero, w[1], k + 1u < depth), select(zero, w[2], k + 2u < depth), select(zero, w[3], k + 3u < depth));
  }
  return w;
}
