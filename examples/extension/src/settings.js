// What the user can set, and its beginnings.

export const defaults = {
  /** Least cosine of a name that is written. Of icons that have a name here the model finds nearly all above it, of others few. */
  threshold: 0.4,
  /** For pictures that are right-clicked. */
  labels: ['person', 'animal', 'plant', 'food', 'house', 'car', 'screen', 'chart', 'map', 'logo'],
};
