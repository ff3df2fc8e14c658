// `using` and `await using` for classes with dispose(). Runtimes without these symbols (Safari, Node before 20.4) have no
// `using` either; there the registered symbols of the same names stand in, so that nothing breaks.

/** What a class can be whose objects are freed by dispose(). */
export interface Disposing {
  /** Frees what the object holds. Idempotent. */
  dispose(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The base of such classes: made by a call that bundlers may drop, where a static block would keep them all. */
export const Disposable: abstract new () => Disposing = /* @__PURE__ */ disposable();

/** A class whose [Symbol.dispose] and [Symbol.asyncDispose] call dispose(). */
function disposable(): abstract new () => Disposing {
  const { dispose, asyncDispose } = Symbol as Partial<Record<'dispose' | 'asyncDispose', symbol>>;
  abstract class Base {
    abstract dispose(): void;
  }
  Object.defineProperty(Base.prototype, dispose ?? Symbol.for('Symbol.dispose'), {
    value(this: Base): void {
      this.dispose();
    },
  });
  Object.defineProperty(Base.prototype, asyncDispose ?? Symbol.for('Symbol.asyncDispose'), {
    value(this: Base): Promise<void> {
      this.dispose();
      return Promise.resolve();
    },
  });
  return Base as unknown as abstract new () => Disposing;
}
