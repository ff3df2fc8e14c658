// What the tests use of 'assemblyscript/asc' (tsconfig.check.json maps it here): the package's own types come with the
// globals of AssemblyScript's portable library, which replace Array's and others' for the whole program.

export function main(
  args: readonly string[],
  options: {
    readFile(name: string): string | null;
    writeFile(name: string, contents: Uint8Array | string): void;
    listFiles(): string[];
  },
): Promise<{ error: Error | null }>;
