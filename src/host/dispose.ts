// `using` and `await using` for classes with dispose(). Runtimes without these symbols (Safari, Node before 20.4) have no
// `using` either; there the registered symbols of the same names stand in, so that nothing breaks.

/** Gives a class's prototype [Symbol.dispose] and [Symbol.asyncDispose], both of which call its dispose(). */
export function disposable(prototype: { dispose(): void }): void {
  const { dispose, asyncDispose } = Symbol as Partial<Record<'dispose' | 'asyncDispose', symbol>>;
  Object.defineProperty(prototype, dispose ?? Symbol.for('Symbol.dispose'), {
    value(this: { dispose(): void }): void {
      this.dispose();
    },
  });
  Object.defineProperty(prototype, asyncDispose ?? Symbol.for('Symbol.asyncDispose'), {
    value(this: { dispose(): void }): Promise<void> {
      this.dispose();
      return Promise.resolve();
    },
  });
}
