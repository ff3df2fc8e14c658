// Scores as bars. A label that stays keeps its row, which moves to its new place.

const STILL = matchMedia('(prefers-reduced-motion: reduce)');

/** Fills an ol with { label, score } in their order; a score of null is not known yet. */
export function show_scores(list, scores) {
  const old = new Map(Array.from(list.children, (row) => [row.dataset.label, row]));
  const tops = new Map(Array.from(list.children, (row) => [row, row.offsetTop]));
  list.replaceChildren(...scores.map(({ label, score }) => filled(old.get(label) ?? new_row(label), score)));
  if (STILL.matches) return;
  for (const [row, top] of tops) {
    const way = top - row.offsetTop;
    if (row.isConnected && way !== 0)
      row.animate([{ transform: `translateY(${way}px)` }, { transform: 'none' }], {
        duration: 250,
        easing: 'ease-out',
      });
  }
}

function new_row(label) {
  const row = document.getElementById('row').content.firstElementChild.cloneNode(true);
  row.dataset.label = row.querySelector('.label').textContent = row.querySelector('.label').title = label;
  return row;
}

function filled(row, score) {
  row.querySelector('.bar').style.setProperty('--share', score ?? 0);
  row.querySelector('.score').textContent = score === null ? '' : `${(100 * score).toFixed(1)} %`;
  return row;
}
