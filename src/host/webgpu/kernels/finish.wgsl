// What every product does to four columns of a result, their sums being complete.
// include activation.wgsl

// A pipeline for each: SwiftShader computes every case of a switch, whichever is asked for, which took more time than the
// product itself.
override ACTIVATION: u32 = 0u;

// The activation in the columns that there are, zeros in pad lanes: some activations are not zero at zero.
fn finished(sum: vec4<f32>, column: u32, n: u32) -> vec4<f32> {
  let columns = vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u);
  return select(vec4<f32>(0.0), activate(ACTIVATION, sum), columns < vec4<u32>(n));
}
