// y = f(x) on four lanes, for the functions behind transformers' ACT2FN names. `kind` is a constant of the pipeline: as a
// uniform SwiftShader computes every case. NaN stays NaN.
// include math.wgsl

fn gelu(x: vec4<f32>) -> vec4<f32> {
  return x * 0.5 * (1.0 + erf4(x * 0.7071067811865476));
}

// Beyond ±10 tanh is ±1, and x³ would overflow.
fn gelu_tanh(x: vec4<f32>) -> vec4<f32> {
  let v = clamp(x, vec4(-10.0), vec4(10.0));
  return x * 0.5 * (1.0 + tanh4(0.7978845608028654 * (v + 0.044715 * (v * v * v))));
}

// tanh(log(1 + w)) = w (w + 2) / (w (w + 2) + 2); it rounds to 1 from x = 20 on.
fn mish(x: vec4<f32>) -> vec4<f32> {
  let w = exp4(min(x, vec4(20.0)));
  let n = w * (w + 2.0);
  return x * (n / (n + 2.0));
}

fn activate(kind: u32, x: vec4<f32>) -> vec4<f32> {
  let zero = vec4(0.0);
  var y = x;
  switch kind {
    case Activation_Relu: { y = max(x, zero); }
    case Activation_Relu2: { y = max(x, zero) * max(x, zero); }
    case Activation_Relu6: { y = clamp(x, zero, vec4(6.0)); }
    case Activation_LeakyRelu: { y = select(x, x * 0.01, x < zero); }
    case Activation_Sigmoid: { y = sigmoid4(x); }
    case Activation_Silu: { y = silu4(x); }
    case Activation_QuickGelu: { y = x * sigmoid4(x * 1.702); }
    case Activation_Gelu: { y = gelu(x); }
    case Activation_Gelu10: { let g = gelu(x); y = keep_nan(g, clamp(g, vec4(-10.0), vec4(10.0))); }
    case Activation_GeluTanh: { y = gelu_tanh(x); }
    case Activation_Tanh: { y = tanh4(x); }
    case Activation_Hardswish: { y = x * clamp(x + 3.0, zero, vec4(6.0)) / 6.0; }
    case Activation_Mish: { y = mish(x); }
    case Activation_Laplace: { y = 0.5 * (1.0 + erf4((x - 0.707107) / 0.39894257488)); }
    case Activation_SqrtSoftplus: { y = sqrt(softplus4(x)); }
    default: {}
  }
  return keep_nan(x, y);
}
