// What this project uses of @webassemblyjs/wasm-parser, which comes without types.

declare module '@webassemblyjs/wasm-parser' {
  export interface Signature {
    readonly params: readonly { readonly valtype: string }[];
    readonly results: readonly string[];
  }

  export interface Limits {
    readonly min: number;
    readonly max?: number;
    readonly shared?: boolean;
  }

  /** A node of the module's tree; which fields are there depends on `type`. */
  export type Field =
    | {
        readonly type: 'ModuleImport';
        readonly module: string;
        readonly name: string;
        /** A memory's: no build imports anything else. */
        readonly descr: { readonly limits: Limits };
      }
    | { readonly type: 'Memory'; readonly limits: Limits }
    | { readonly type: 'Func'; readonly signature: Signature }
    | {
        readonly type: 'ModuleExport';
        readonly name: string;
        readonly descr: { readonly exportType: string; readonly id: { readonly value: number } };
      }
    | { readonly type: 'Table' | 'Global' | 'Elem' | 'Data' | 'TypeInstruction' | 'Start' };

  export function decode(
    bytes: Uint8Array,
    options: { ignoreCodeSection?: boolean; ignoreDataSection?: boolean; ignoreCustomNameSection?: boolean },
  ): { readonly body: readonly [{ readonly fields: readonly Field[] }] };
}
