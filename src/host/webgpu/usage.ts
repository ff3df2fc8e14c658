// Numbers of WebGPU that not every runtime has as globals.

/** GPUBufferUsage */
export const USAGE = {
  map_read: 0x1,
  copy_src: 0x4,
  copy_dst: 0x8,
  uniform: 0x40,
  storage: 0x80,
  query_resolve: 0x200,
} as const;

/** GPUMapMode.READ */
export const READ = 0x1;
