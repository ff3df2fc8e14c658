// The places of an AssemblyScript source where one small change makes another program, found in its syntax tree.
// TypeScript's parser reads AssemblyScript: what it has no types for (u32, v128, decorators on functions) is syntax to it.

import ts from 'typescript';

/** The kinds of change, each of which has its share of a sample. */
export type Operator = 'arithmetic' | 'comparison' | 'condition' | 'constant' | 'simd' | 'statement';

/** One change: characters start … end − 1 of a file become `to`. */
export interface Mutation {
  readonly file: string;
  readonly operator: Operator;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly end: number;
  readonly from: string;
  readonly to: string;
}

const { SyntaxKind } = ts;

/** What stands in an operator's place. */
const ARITHMETIC: ReadonlyMap<string, string> = new Map(Object.entries({
  ...{ '+': '-', '-': '+', '*': '/', '/': '*', '%': '/', '<<': '>>', '>>': '<<', '>>>': '<<' },
  ...{ '&': '|', '|': '&', '^': '|' },
  ...{ '+=': '-=', '-=': '+=', '*=': '/=', '/=': '*=', '<<=': '>>=', '>>=': '<<=', '&=': '|=', '|=': '&=', '^=': '|=' },
})); // prettier-ignore

/** Bounds move by one; equalities turn round. */
const COMPARISON: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '===': '!==', '!==': '===' },
    ...{ '&&': '||', '||': '&&' },
  }),
);

/** Called functions, by the last part of their name, and what is called in their place. */
const CALLS: ReadonlyMap<string, string> = new Map(Object.entries({
  ...{ add: 'sub', sub: 'add', mul: 'add', div: 'mul', neg: 'abs', abs: 'neg', sqrt: 'abs' },
  ...{ min: 'max', max: 'min', pmin: 'pmax', pmax: 'pmin', min_s: 'max_s', max_s: 'min_s', min_u: 'max_u', max_u: 'min_u' },
  ...{ and: 'or', or: 'and', xor: 'or', andnot: 'and', not: 'abs' },
  ...{ shl: 'shr_u', shr_u: 'shl', shr_s: 'shr_u' },
  ...{ eq: 'ne', ne: 'eq', lt: 'le', le: 'lt', gt: 'ge', ge: 'gt' },
  ...{ lt_s: 'le_s', le_s: 'lt_s', gt_s: 'ge_s', ge_s: 'gt_s', lt_u: 'le_u', le_u: 'lt_u', gt_u: 'ge_u', ge_u: 'gt_u' },
  ...{ nearest: 'floor', floor: 'ceil', ceil: 'floor', trunc: 'floor' },
  ...{ extend_low_i8x16_s: 'extend_high_i8x16_s', extend_high_i8x16_s: 'extend_low_i8x16_s' },
  ...{ extend_low_i8x16_u: 'extend_high_i8x16_u', extend_high_i8x16_u: 'extend_low_i8x16_u' },
  ...{ extend_low_i16x8_s: 'extend_high_i16x8_s', extend_high_i16x8_s: 'extend_low_i16x8_s' },
  ...{ extend_low_i16x8_u: 'extend_high_i16x8_u', extend_high_i16x8_u: 'extend_low_i16x8_u' },
  ...{ load32_splat: 'load32_zero', any_true: 'all_true', all_true: 'any_true' },
  ...{ convert_i32x4_s: 'convert_i32x4_u', convert_i32x4_u: 'convert_i32x4_s' },
  ...{ popcnt: 'clz', clz: 'ctz', ctz: 'clz' },
})); // prettier-ignore

/** Every mutation of a source, in the order of its text. */
export function mutations_of(file: string, source: string): Mutation[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS);
  const found: Mutation[] = [];

  const add = (operator: Operator, at: ts.Node, ...replacements: string[]): void => {
    const start = at.getStart(tree);
    const { line, character } = tree.getLineAndCharacterOfPosition(start);
    const from = source.slice(start, at.end);
    for (const to of replacements)
      found.push({ file, operator, line: line + 1, column: character + 1, start, end: at.end, from, to });
  };
  const negate = (condition: ts.Expression): void => {
    add('condition', condition, `!(${condition.getText(tree)})`);
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isDecorator(node)) return;
    if (ts.isBinaryExpression(node)) {
      const sign = node.operatorToken.getText(tree);
      const other = ARITHMETIC.get(sign);
      if (other !== undefined) add('arithmetic', node.operatorToken, other);
      const opposite = COMPARISON.get(sign);
      if (opposite !== undefined) add('comparison', node.operatorToken, opposite);
    } else if (ts.isNumericLiteral(node)) {
      add('constant', node, ...neighbours(node.getText(tree)));
    } else if (node.kind === SyntaxKind.TrueKeyword || node.kind === SyntaxKind.FalseKeyword) {
      add('constant', node, node.kind === SyntaxKind.TrueKeyword ? 'false' : 'true');
    } else if (ts.isIfStatement(node)) {
      negate(node.expression);
    } else if (ts.isConditionalExpression(node)) {
      negate(node.condition);
    } else if (ts.isCallExpression(node)) {
      const name = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
      const other = ts.isIdentifier(name) ? CALLS.get(name.text) : undefined;
      if (other !== undefined) add('simd', name, other);
      const [a, b] = node.arguments;
      if (ts.isIdentifier(name) && name.text === 'bitselect' && a && b) {
        const [start, text] = [a.getStart(tree), `${b.getText(tree)}, ${a.getText(tree)}`];
        const { line, character } = tree.getLineAndCharacterOfPosition(start);
        const from = source.slice(start, b.end);
        found.push({ file, operator: 'simd', line: line + 1, column: character + 1, start, end: b.end, from, to: text }); // prettier-ignore
      }
    } else if (removable(node)) {
      add('statement', node, ';');
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Assignments, calls, steps, and jumps that nothing but the order of work depends on. */
function removable(node: ts.Node): boolean {
  return (
    ts.isExpressionStatement(node) ||
    ts.isBreakStatement(node) ||
    ts.isContinueStatement(node) ||
    (ts.isReturnStatement(node) && node.expression === undefined)
  );
}

/** An integer's neighbours; a fraction 1 % off. */
function neighbours(text: string): string[] {
  const value = Number(text.replaceAll('_', ''));
  if (value === 0) return ['1'];
  if (/[.e]/i.test(text) && !text.startsWith('0x')) return [`(${text} * 1.01)`];
  return [`${value + 1}`, `${value - 1}`];
}

/** The source with a mutation made. */
export function mutate(source: string, { start, end, to }: Mutation): string {
  return source.slice(0, start) + to + source.slice(end);
}

/** Names a mutation: where it is, and what becomes of what. */
export function describe({ file, line, column, from, to }: Mutation): string {
  const short = (text: string): string =>
    (text.length > 60 ? `${text.slice(0, 57)}…` : text).replace(/\s+/g, ' ');
  return `${file}:${line}:${column} ${short(from)} → ${to === ';' ? 'removed' : short(to)}`;
}
