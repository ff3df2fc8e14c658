// Checkpoint tensors to packed weight blocks, in row ranges of any size and order. A batch norm's four vectors must have
// come before the rows of the convolution they fold into; they wait in the request's scratch:
//
//   scratch:  gamma[rows] | beta[rows] | mean[rows] | variance[rows] | one source row as f32        of a table: the row alone

import { narrow_column, narrow_row } from './narrow';
import { element_bytes, widen } from './widen';
import { panel_bytes, row_bytes } from '../plan/formats';
import { Format, NR } from '../plan/op';
import { Dtype, Packing, Part, Request, Source } from '../plan/tables';

/**
 * Packs rows first_row … first_row + rows − 1 of a source tensor, whose bytes lie at `src`, into the block at `dst`
 * (zeros before the first call). A source row of weights comes whole: it is a column of a product, or a row of a table.
 * Gives the number of finite weights beyond what the block's format holds; they have become infinities.
 */
export function pack(request: usize, source: usize, first_row: u32, rows: u32, src: usize, dst: usize): u32 {
  const block = changetype<Request>(request);
  const tensor = changetype<Source>(source);
  const bytes = element_bytes(tensor.dtype);
  let lost: u32 = 0;
  switch (tensor.part) {
    case Part.Weight: {
      for (let i: u32 = 0; i < rows; i++) {
        lost += weight_row(block, tensor, first_row + i, src + i * block.channels * block.taps * bytes, dst);
      }
      break;
    }
    case Part.Bias: {
      const values: usize = block.scratch_at; // no batch norm is waiting there: it would be the bias
      widen(tensor.dtype, src, rows, values);
      for (let i: u32 = 0; i < rows; i++) {
        store<f32>(bias_at(block, tensor.row + first_row + i, dst), load<f32>(values + (<usize>i << 2)));
      }
      break;
    }
    default: {
      const vector = block.scratch_at + ((block.rows * (tensor.part - Part.Gamma)) << 2);
      widen(tensor.dtype, src, rows, vector + (first_row << 2));
    }
  }
  return lost;
}

function weight_row(block: Request, tensor: Source, row: u32, src: usize, dst: usize): u32 {
  const place = tensor.row + row;
  const count = block.channels * block.taps;
  const rows = block.packing == Packing.Rows;
  const f32s = block.format == Format.F32;
  if (rows && f32s) {
    widen(tensor.dtype, src, count, dst + place * row_bytes(Format.F32, block.depth));
    return 0;
  }
  let values = src;
  if (tensor.dtype != Dtype.F32 || block.normed) {
    values = row_at(block);
    widen(tensor.dtype, src, count, values);
  }
  if (block.normed) fold(block, place, values, count, dst);
  if (rows) return narrow_row(block.format, values, count, dst + place * row_bytes(block.format, block.depth));
  if (!f32s) return narrow_column(block.format, values, count, panel_of(block, place, dst), place % NR, row_at(block));
  if (block.packing == Packing.Panels) scatter(block, values, bias_at(block, place, dst) + 64, 64);
  else scatter(block, values, bias_at(block, place, dst) + 16, 16);
  return 0;
}

/** Batch norm folded in f64: w · gamma / √(variance + eps), beta − mean · gamma / √(variance + eps) as the bias. */
function fold(block: Request, row: u32, values: usize, count: u32, dst: usize): void {
  const at = <usize>block.scratch_at + (<usize>row << 2);
  const vector = <usize>block.rows << 2;
  const scale = <f64>load<f32>(at) / sqrt<f64>(<f64>load<f32>(at + 3 * vector) + block.eps);
  const bias = <f64>load<f32>(at + vector) - <f64>load<f32>(at + 2 * vector) * scale;
  store<f32>(bias_at(block, row, dst), <f32>bias);
  for (const end = values + (<usize>count << 2); values < end; values += 4) {
    store<f32>(values, <f32>(<f64>load<f32>(values) * scale));
  }
}

// A source row [channels, taps] goes down a column as [taps, lda], `step` bytes an element.
function scatter(block: Request, values: usize, to: usize, step: usize): void {
  const taps = block.taps;
  const lda = block.depth / taps;
  for (let tap: u32 = 0; tap < taps; tap++) {
    let p = to + tap * lda * step;
    let v = values + (<usize>tap << 2);
    for (let c: u32 = 0; c < block.channels; c++, p += step, v += <usize>taps << 2) store<f32>(p, load<f32>(v));
  }
}

// @ts-ignore: decorator
@inline
function row_at(block: Request): usize {
  return block.packing == Packing.Rows ? block.scratch_at : block.scratch_at + (block.rows << 4);
}

function panel_of(block: Request, column: u32, dst: usize): usize {
  return dst + (column / NR) * panel_bytes(block.format, block.depth);
}

/** Where the bias of a column or channel goes, which its block of columns or channels begins with. */
function bias_at(block: Request, row: u32, dst: usize): usize {
  if (block.packing == Packing.Panels) return panel_of(block, row, dst) + (<usize>(row % NR) << 2);
  return dst + ((<usize>(row >> 2) * (block.depth + 1)) << 4) + (<usize>(row & 3) << 2);
}
