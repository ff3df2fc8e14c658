// The best of a stream of rough scores: everything that may belong to the k best, without sorting.

/** Rows that may have scored at least {@link Top.least}, which rises as better ones come. */
export class Top {
  /** What a score has to reach: the k-th best that is certain less what scores may be off, −∞ while there are fewer than k. */
  least: number = -Infinity;
  readonly #k: number;
  readonly #slack: number;
  /** The k best of the scores that are certain, the least of them first: a heap. */
  readonly #heap: Float32Array;
  #size = 0;
  #rows: number[] = [];
  #scores: number[] = [];
  #limit: number;

  /** `slack`: how far below the k-th best score one of the k best rows may score. */
  constructor(k: number, slack: number) {
    this.#k = k;
    this.#slack = slack;
    this.#heap = new Float32Array(k);
    this.#limit = 2 * k + 4096;
  }

  /** `lower`: how much lower the score may be, besides the slack. */
  push(row: number, score: number, lower: number): void {
    if (score < this.least) return;
    this.#rows.push(row);
    this.#scores.push(score);
    const certain = score - lower;
    if (this.#size < this.#k) this.#rise(this.#size++, certain);
    else if (certain > this.#heap[0]!) this.#sink(certain);
    if (this.#size === this.#k) this.least = this.#heap[0]! - this.#slack;
    if (this.#rows.length > this.#limit) {
      this.#prune();
      this.#limit = 2 * this.#rows.length + 4096;
    }
  }

  /** The rows that are left at the end. */
  rows(): readonly number[] {
    this.#prune();
    return this.#rows;
  }

  #prune(): void {
    const keep = this.#scores.map((score) => score >= this.least);
    this.#rows = this.#rows.filter((_, i) => keep[i]);
    this.#scores = this.#scores.filter((_, i) => keep[i]);
  }

  #rise(i: number, score: number): void {
    const heap = this.#heap;
    for (let up = (i - 1) >> 1; i > 0 && heap[up]! > score; up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = score;
  }

  #sink(score: number): void {
    const heap = this.#heap;
    let i = 0;
    for (let down = 1; down < this.#k; down = 2 * i + 1) {
      if (down + 1 < this.#k && heap[down + 1]! < heap[down]!) down++;
      if (heap[down]! >= score) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = score;
  }
}
