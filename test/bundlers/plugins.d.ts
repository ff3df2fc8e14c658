// What the tests use of a plugin that comes without types.

declare module '@web/rollup-plugin-import-meta-assets' {
  export function importMetaAssets(options?: { include?: string }): import('rollup').Plugin;
}
