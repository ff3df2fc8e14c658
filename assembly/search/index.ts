// What AlignIndex computes: the first pass over all rows, the exact scores of the few that it leaves, and rows themselves.
export { crc32, crc32_init } from './crc32';
export { index_bits, index_dot, index_quantize, index_row, index_scale } from './rows';
export { index_scan_f32, index_scan_i8, index_select } from './scan';
export { index_scan_bits, index_score_near } from './scan_bits';
export { index_scan_panel_f32, index_scan_panel_i8 } from './scan_panel';
