// Runs test files of a checkout until one fails, in a process of their own that vitest keeps transformed sources for.

import { join, relative } from 'node:path';
import { createVitest, type TestCase, type TestModule, type Vitest } from 'vitest/node';

/** What failed first, or null. */
export type Failure = { readonly test: string; readonly message: string } | null;

export class Bench {
  readonly #vitest: Vitest;
  readonly #folder: string;
  #failure: Failure;
  /** Milliseconds of each test file of the last run. */
  times: Record<string, number> = {};

  private constructor(vitest: Vitest, folder: string) {
    this.#vitest = vitest;
    this.#folder = folder;
    this.#failure = null;
  }

  static async open(folder: string): Promise<Bench> {
    const reporter = {
      onTestCaseResult: (test: TestCase): void => {
        if (test.result().state === 'failed') bench.#found(test.module, test.fullName, test.result().errors);
      },
      onTestModuleEnd: (module: TestModule): void => {
        bench.times[relative(folder, module.moduleId)] = module.diagnostic().duration;
        const errors = module.errors();
        if (errors.length > 0) bench.#found(module, 'cannot be loaded', errors);
      },
      onTestSuiteResult: (suite: { module: TestModule; errors(): unknown[]; fullName: string }): void => {
        if (suite.errors().length > 0) bench.#found(suite.module, suite.fullName, suite.errors());
      },
    };
    const config = join(folder, 'test/mutation/vitest.config.ts');
    const vitest = await createVitest('test', { root: folder, config, watch: false, reporters: [reporter] });
    const bench = new Bench(vitest, folder);
    await vitest.standalone();
    return bench;
  }

  /** Runs lists of files, each in a process of its own, in this order until one fails. */
  async run(lists: readonly (readonly string[])[]): Promise<Failure> {
    this.#failure = null;
    this.times = {};
    const project = this.#vitest.getRootProject();
    for (const files of lists.filter(({ length }) => length > 0)) {
      const { unhandledErrors } = await this.#vitest.runTestSpecifications(
        files.map((file) => project.createSpecification(join(this.#folder, file))),
      );
      const failure = this.#failed() ?? this.#ended(files, unhandledErrors);
      if (failure !== null) return failure;
    }
    return null;
  }

  async close(): Promise<void> {
    await this.#vitest.close();
  }

  #failed(): Failure {
    return this.#failure;
  }

  /** A process that did not live to the end: the watchdog ended it, or it ended itself. */
  #ended(files: readonly string[], errors: readonly unknown[]): Failure {
    if (errors.length === 0) return null;
    const running = files.find((file) => !(file in this.times)) ?? files[0]!;
    return { test: running, message: `the process ended: ${first_line(errors)}` };
  }

  #found(module: TestModule, name: string, errors: readonly unknown[] | undefined): void {
    const test = `${relative(this.#folder, module.moduleId)} > ${name}`;
    const message = first_line(errors ?? []).replaceAll(`${this.#folder}/`, ''); // a result is the same wherever it is made
    this.#failure ??= { test, message };
  }
}

function first_line([error]: readonly unknown[]): string {
  const { message } = (error ?? {}) as { message?: string };
  return String(message ?? error)
    .split('\n', 1)[0]!
    .slice(0, 120);
}
