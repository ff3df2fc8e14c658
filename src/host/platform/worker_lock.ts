// What a worker in browsers says when it holds its lock.

export const ALIVE = 'alive';
