// The 100 texts of the matrix, and random ones where more are asked for.

import { Random, random_text } from '../../processor/random.ts';

const PLAIN = [
  '',
  ' ',
  '\t\n\r ',
  'a sailboat',
  'A Photo of   a DOG!',
  'the icon of a pair of scissors, drawn in black lines on white',
  "don't stop: it's well-known (really?) – 3.14 × 2 = 6.28; e-mail me@example.com",
  'arrow left',
  'shopping cart',
  'user-settings_v2',
  '1234567890',
  '#hashtag @name $5 50% a&b c/d',
  'https://example.com/a?b=c#d',
  '[MASK]',
  'a [MASK] on the [CLS] water [SEP] [PAD] [UNK]',
  '[mask] [Mask] [ MASK ]',
  '##a ##ing word##piece',
  'ing'.repeat(33),
  `${'ing'.repeat(33)}s`, // as long as a word may be
  `${'ing'.repeat(33)}er`,
  'x'.repeat(5000),
  'ab '.repeat(20),
  '. '.repeat(62), // all 64 positions
  `${' '.repeat(3000)}far${' '.repeat(3000)}`,
];

const LETTERS = [
  'Ünïcödé ﬁgure — “naïve” café',
  'İstanbul ı I i İ',
  'ǅ ǈ ǋ ß ẞ ﬀ ﬃ ſ',
  'ΑΣ ΌΣΟΣ σς',
  'Привет, мир! Ёлка ѐ',
  'Việt Nam, Đà Nẵng',
  'Çağrı şöyle dedi',
  'Ⅻ ① ½ ² ㎏ ™ ℃',
  'ＦＵＬＬ ｗｉｄｔｈ １２３',
  '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻𝒶𝓃𝒸𝓎 𝟙𝟚𝟛',
  'ქართული ᲥᲐᲠᲗᲣᲚᲘ',
  'Հայերեն եւ և',
  'ᎠᎡᎢ ꭰꭱꭲ',
  '𐐀𐐁 𐐨𐐩 𞤀𞤁 𞤢𞤣', // capitals and small letters beyond 16 bits
];

const SCRIPTS = [
  '滑雪 and 鱼',
  '漢字かな交じり文とカタカナ',
  'ｶﾀｶﾅ ﾊﾟﾋﾟ',
  '한국어 문장입니다',
  '\u1112\u1161\u11ab\u1100\u1173\u11af', // the same script in single letters
  '𠀀𪛖 𠮷野家 𫝀𬺰𮯠', // CJK beyond 16 bits
  '\u{2f800}\u{2fa1d} \uf900\ufa6d', // CJK compatibility
  '豈 更 車',
  'مرحبا بالعالم',
  'كَلِمَةٌ مُشَكَّلَة',
  'שָׁלוֹם עולם',
  '\u202bשלום\u202c abc \u200fdef\u200e',
  'हिन्दी में लिखा हुआ',
  'বাংলা ভাষা',
  'தமிழ் மொழி',
  'తెలుగు, ಕನ್ನಡ, മലയാളം',
  'ਪੰਜਾਬੀ ગુજરાતી ଓଡ଼ିଆ සිංහල',
  'ภาษาไทย น้ำ กำลัง',
  'ພາສາລາວ ភាសាខ្មែរ မြန်မာ',
  'བོད་ཡིག',
  'አማርኛ ትግርኛ',
  'ᠮᠣᠩᠭᠣᠯ',
  '𒀀𒁀 𓀀𓁐 𐎀𐎁',
];

const MARKS = [
  'e\u0301 e\u0300\u0323 o\u0302\u0301',
  'Z\u0351\u036b\u0343\u0312a\u030d\u0300l\u0334\u0321g\u0321\u0362o\u0321',
  '\u0301alone',
  'q\u0307\u0323 q\u0323\u0307', // one order or the other
  '\u1e69 s\u0323\u0307',
  '\u{1d15e} \u{1d158}\u{1d165}',
  'a\u{1e000}b\u{1e944}c',
  '\u302e\u302f \ua953 \u1b44 \u{1134d}',
];

const INVISIBLE = [
  'zero\u200bwidth\u200cjoin\u200der\u2060',
  '\ufeffmark of order',
  'soft\u00adhyphen',
  'nb\u00a0sp \u2003 \u3000 \u1680 \u205f',
  'line\u2028paragraph\u2029end\u0085',
  'bell\u0007 escape\u001b delete\u007f \u009f',
  '\ufffd \ufffe \uffff',
  '\u{e0001}\u{e0067}\u{e007f} \u{f0000} \u{10ffff}',
];

const EMOJI = [
  '😀 🙈 💯',
  '👩\u200d👩\u200d👧\u200d👦 👨🏽\u200d🚀',
  '🇩🇪🇯🇵 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
  '❤\ufe0f \u2764\ufe0e 1\ufe0f\u20e3',
  '🏳\ufe0f\u200d🌈 🧑\u200d🤝\u200d🧑',
];

/** What UTF-8 has no bytes for. */
const SURROGATES = ['\ud800', 'a\udc00b', '\ude00\ud83d reversed', 'end \ud83d'];

/** Characters that one version of Unicode takes for marks, signs or letters and another does not know. */
const FROZEN = [
  '\u0891x \u0897y \u08ca\u08d4',
  '\u1ac1 \u1ace \u1dfb',
  '\u2e44word\u2e52 \u2e5d',
  '\u{1e5ff} \u{11f43}\u{11b00} \u{10d6e}',
  '\ua7dc\ua7cb \u1c89\u1c8a \u{10d50}\u{10d70}',
];

const WRITTEN = [
  ...PLAIN,
  ...LETTERS,
  ...SCRIPTS,
  ...MARKS,
  ...INVISIBLE,
  ...EMOJI,
  ...SURROGATES,
  ...FROZEN,
];

/** Written ones, and random characters from all over Unicode, 100 and `more`. None has a NUL, which no command line can hold. */
export function matrix_texts(more: number): string[] {
  const random = new Random(100);
  const length = 100 - WRITTEN.length + more;
  return [...WRITTEN, ...Array.from({ length }, () => random_text(random).replaceAll('\0', ' '))];
}
