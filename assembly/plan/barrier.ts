// Execution by several threads, one instance of the threaded build each in one shared memory: every thread runs its
// share of every op, and no op begins before all have finished the one before it.
//
//   control block:  arrived | … | parked        words of the host's (src/host/wasm/control.ts) follow
//
// `arrived` only ever counts up: op i of a run is finished when all parts have arrived at it, that is when it has come
// to base + parts · (i + 1), base being its value when the run began. It wraps, so it is compared by its distance.
//
// Waiting is a bounded spin; then the thread returns to the host, which sleeps in JavaScript's Atomics.wait and calls
// again. There is no wait or notify in here: Node 20's baseline compiler hangs in them.

import { execute } from './execute';
import { Op, RECORD_BYTES } from './op';
import { shares } from './share';

const ARRIVED: usize = 0;
const PARKED: usize = 64; // a cache line of its own

/** Looks at the counter before a thread gives up its core: some 20 µs, what waking a sleeper costs at least. */
const SPINS: u32 = 20000;

/**
 * Runs `part` of `parts` of the plan at `plan` from op `done` on, the first that this part has not run, to op count − 1.
 * Gives the number of ops that this part has arrived at. It comes back before `count`
 * - when it has waited in vain for the others: the host sleeps until `arrived` is base + parts · (ops arrived at);
 * - when it came last while another sleeps: the host wakes it.
 */
export function execute_part(control: usize, base: u32, plan: usize, done: u32, count: u32, part: u32, parts: u32): u32 {
  while (reached(control, base + parts * done) && done < count) {
    const op = changetype<Op>(plan + done * RECORD_BYTES);
    const split = shares(op, parts);
    if (part < split) execute(plan, done, 1, part, split);
    done++;
    const arrived = atomic.add<u32>(control + ARRIVED, 1) + 1;
    if (arrived == base + parts * done && atomic.load<u32>(control + PARKED)) break;
  }
  return done;
}

function reached(control: usize, target: u32): bool {
  for (let i: u32 = 0; i < SPINS; i++) {
    if (<i32>(atomic.load<u32>(control + ARRIVED) - target) >= 0) return true;
  }
  return false;
}
