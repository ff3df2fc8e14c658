interface Values {
  readonly text: string;
  readonly number: number;
  readonly switch: boolean;
}

export function flags<Kinds extends Readonly<Record<string, keyof Values>>>(
  kinds: Kinds,
): { readonly [Name in keyof Kinds]?: Values[Kinds[Name]] };

export function failed(why: string): never;

export function any_seed(): number;
